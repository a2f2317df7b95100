"""docs/messages/README.md: its code runs, and its package data is that of the example."""

import os
import re
import subprocess
import sys
import tomllib

from redis import Redis

from app.runtime.settings.settings import Settings
from app.sdk import Accepted, validate
from tests.support.commands import ROOT

PAGE = (ROOT / "docs" / "messages" / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The one block of code in a language."""
    [code] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(code)


def test_the_code_builds_validates_and_publishes(settings: Settings, redis_client: Redis) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block("python")],
        cwd=ROOT,
        env=os.environ | {"BILLIE_REDIS_URL": settings.redis_url},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Accepted(type='account.created.v1', identity='id:")
    [(_, fields)] = redis_client.xrange(settings.inbox_stream)
    assert isinstance(validate(fields), Accepted)


def test_the_package_data_is_that_of_the_example() -> None:
    shown = tomllib.loads(block("toml"))["project"]["entry-points"]
    example = ROOT / "examples" / "account_sdk_adapter" / "pyproject.toml"
    assert tomllib.loads(example.read_text(encoding="utf-8"))["project"]["entry-points"] == shown

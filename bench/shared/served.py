"""The API and its companions as processes of a benchmark, with a valid token."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from pydantic import SecretStr

from app.api.auth.development_tokens import issue_token
from app.runtime.settings.settings import Settings

_SECRET = "a secret for a benchmark, of more than 32 bytes"


def reader_token() -> str:
    """A token for reads."""
    return issue_token(Settings(jwt_secret=SecretStr(_SECRET)), "bench", "readonly")


def api_environment(folder: Path, port: int, mongo_url: str, **more: str) -> dict[str, str]:
    """That of an API with a new event store in ``folder``, and no bound of rates; ``more``: by setting."""
    given = {
        "api_port": str(port),
        "jwt_secret": _SECRET,
        "event_store_url": f"sqlite:///{folder / 'events.db'}",
        "mongo_url": mongo_url,
        "rate_per_second": "0",
        **more,
    }
    return os.environ | {f"BILLIE_{name.upper()}": value for name, value in given.items()}


def started(
    stack: ExitStack, log: Path, environment: dict[str, str], module: str, *arguments: str
) -> subprocess.Popen[bytes]:
    """``python -m MODULE …``, until the stack ends; what it says goes to ``log``."""
    file = stack.enter_context(log.open("wb"))
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], env=environment, stdout=file, stderr=file
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process

"""A headless Chromium for tests: the machine's own, or installed where we may; else its tests are skipped."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_INSTALL = (
    ("apt-get", "update", "-qq"),
    ("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"),
)
_LOCK = Path(tempfile.gettempdir()) / "billie-chromium.lock"
_NOTICE = "NOTICE: the console is not tried in a browser: there is no Chromium, and none can be installed."

WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


@cache
def chromium() -> str | None:
    """Where it is. Root installs Debian's package where there is none."""
    if (found := _found()) is not None:
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        with _LOCK.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # Another worker may be installing it.
            if _found() is None:
                _install()
    return _found()


def _install() -> None:
    """Try to. Where nothing can be had, or not in time, there is none."""
    for command in _INSTALL:
        try:
            subprocess.run(command, capture_output=True, timeout=240, check=False)
        except subprocess.TimeoutExpired:
            return


@contextmanager
def browser() -> Iterator[Browser]:
    """One that runs until the tests are done. Skips them, loudly, where there is none."""
    if (path := chromium()) is None:
        print(_NOTICE, file=sys.stderr)  # noqa: T201 - readers of the log have to see it
        pytest.skip(_NOTICE)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


def faults_of(page: Page, *rules: str) -> list[str]:
    """What axe finds against a page as it is: WCAG 2.2 AA, and what is held to be good; or by these rules."""
    chosen = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": list(WCAG)}
    options: dict[str, Any] = {"runOnly": chosen}
    found = Axe().run(page, options=options | {"resultTypes": ["violations"]}).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def _found() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)

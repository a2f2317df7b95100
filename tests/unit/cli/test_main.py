"""``billie --help`` answers at once: it imports no command, and so none of the libraries."""

import subprocess
import sys
from importlib import import_module

import pytest
import typer

from app import __version__
from app.cli.main import COMMANDS

HEAVY = {"eventsourcing", "fastapi", "grpc", "httpx", "jinja2", "orjson", "pydantic", "pymongo", "redis"}
IMPORTED = """
import sys
from app.cli.main import run
try:
    run()
except SystemExit:
    print(*(name for name in sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_the_help_and_the_version_import_no_heavy_module(option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, option], capture_output=True, text=True, timeout=60
    )
    imported = set(done.stderr.split())
    assert {name for name in imported if name.split(".")[0] == "app"} == {"app", "app.cli", "app.cli.main"}
    assert not imported & HEAVY


def test_help_names_every_command_and_the_version_is_ours() -> None:
    output = subprocess.run(
        [sys.executable, "-m", "app.cli.main", "--help"], capture_output=True, text=True, timeout=60
    ).stdout
    assert all(name in output for name in COMMANDS)
    version = subprocess.run(
        [sys.executable, "-m", "app.cli.main", "--version"], capture_output=True, text=True, timeout=60
    )
    assert version.stdout == f"billie {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_module_has_a_command_or_a_group(name: str) -> None:
    module = import_module(f"app.cli.{COMMANDS[name][0]}")
    assert callable(getattr(module, "command", None)) != isinstance(
        getattr(module, "group", None), typer.Typer
    )

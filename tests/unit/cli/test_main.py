"""``billie --help`` answers at once: it imports no command, and so none of the libraries."""

import subprocess
import sys
from importlib import import_module

import pytest
import typer

from app import __version__
from app.cli.main import COMMANDS

HEAVY = {
    "eventsourcing",
    "fastapi",
    "grpc",
    "httpx",
    "jinja2",
    "orjson",
    "pydantic",
    "pymongo",
    "redis",
    "rich",
}
MODELS = {"app.ingestion.messages.catalogue", "app.projections.read_models.catalogue"}
"""The models of all messages and documents: what imports them starts late."""
IMPORTED = """
import sys
from app.cli.main import run
try:
    run()
except SystemExit:
    print(*(name for name in sys.modules), file=sys.stderr)
"""


def imported_by(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *arguments], capture_output=True, text=True, timeout=60
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_the_help_and_the_version_import_no_heavy_module(option: str) -> None:
    imported = imported_by(option)
    assert {name for name in imported if name.split(".")[0] == "app"} == {"app", "app.cli", "app.cli.main"}
    assert not imported & HEAVY


def test_status_and_history_import_no_models_of_messages_or_documents() -> None:
    status = imported_by("status", "--help")
    assert "app.operations.status.status" in status
    assert not status & (MODELS | {"fastapi", "grpc", "httpx", "jinja2", "psycopg", "rich", "uvicorn"})
    history = imported_by("history", "--help")
    assert not history & (MODELS | {"fastapi", "grpc", "httpx", "pymongo", "redis", "rich"})


def test_a_command_works_with_its_imports_frozen_and_garbage_is_looked_for_again() -> None:
    state = "import gc\nprint(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED + state, "history", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.endswith("True True\n")


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

"""What operators set, read and type is named in the documents."""

import re

import pytest

from app.cli.main import COMMANDS
from app.ingestion.messages.rejection import Reason
from app.projections.rebuild.differences import Kind
from app.runtime.settings.settings import Settings
from app.runtime.settings.variables import FROM_FILES
from tests.support.commands import ROOT

RUNBOOK = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting(name: str) -> None:
    assert re.search(rf"\bBILLIE_{name.upper()}\b", TEXT)


@pytest.mark.parametrize("name", FROM_FILES)
def test_a_setting_that_may_come_from_a_file(name: str) -> None:
    assert f"`BILLIE_{name.upper()}_FILE`" in RUNBOOK


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_of_dead_letters(reason: Reason) -> None:
    assert re.search(rf"^ *\| .*`{reason}`.* \|", section("Dead letters appear"), re.MULTILINE)


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_of_difference(kind: Kind) -> None:
    assert f"**{kind.replace('_', ' ')}**".casefold() in section("Verifying").casefold()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command(command: str) -> None:
    assert re.search(rf"^\| `billie {command}\b", section("Commands"), re.MULTILINE)


def section(head: str) -> str:
    """The text under a heading of the runbook."""
    return RUNBOOK.split(f"\n## {head}\n")[1].split("\n## ")[0]

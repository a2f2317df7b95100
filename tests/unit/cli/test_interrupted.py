"""A drain that a signal stops says so: a script must not mistake it for done."""

from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from app.cli.roles import ingest, project
from app.runtime.bootstrap import Ingest, Project


@pytest.mark.parametrize(("command", "role"), [(ingest.command, Ingest), (project.command, Project)])
@pytest.mark.parametrize(("is_stopped", "code"), [(True, 1), (False, 0)])
def test_a_drain_ends_with_1_if_a_signal_stopped_it(
    command: Any, role: Any, is_stopped: bool, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(self: Any, **_: Any) -> None:
        if is_stopped:
            self.process.stop.set()

    monkeypatch.setattr(role, "run", run)
    cli = Typer()
    cli.command()(command)
    done = CliRunner().invoke(cli, ["--drain"])
    assert done.exit_code == code, done.output
    assert ("Stopped before" in done.output) is is_stopped

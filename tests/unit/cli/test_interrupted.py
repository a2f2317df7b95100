"""A drain that is stopped says so: a script must not take it for done."""

from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from app.cli.roles import ingest, project


@pytest.mark.parametrize("verb", [ingest, project])
@pytest.mark.parametrize(("is_stopped", "code"), [(True, 1), (False, 0)])
def test_a_drain_ends_with_1_where_a_signal_stopped_it(
    verb: Any, is_stopped: bool, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: Any, stop: Any, **__: Any) -> None:
        if is_stopped:
            stop.set()

    monkeypatch.setattr(verb, "run", run)
    cli = Typer()
    cli.command()(verb.command)
    done = CliRunner().invoke(cli, ["--drain"])
    assert done.exit_code == code, done.output
    assert ("was stopped before" in done.output) is is_stopped

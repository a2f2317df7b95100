"""``billie doctor``: whether everything that the roles need is there."""

import json
from contextlib import closing
from typing import Annotated

import typer

from app.api.auth.development_tokens import AuthenticationNotConfiguredError
from app.api.auth.tokens import TokenVerifier
from app.operations.doctor.check import Check, Verdict, failed, well
from app.operations.doctor.doctor import examine
from app.operations.servers import Servers
from app.runtime.humanize import counted
from app.runtime.settings.settings import Settings, get_settings


def command(
    as_json: Annotated[bool, typer.Option("--json", help="A list of checks, as JSON.")] = False,
) -> None:
    """Check connections, permissions, migrations, clocks, disk and settings; say what to do.

    Exit 1 where anything failed, 3 where a server is away; warnings alone are 0.
    """
    settings = get_settings()
    with closing(Servers(settings)) as servers:
        checks = [_tokens(settings), *examine(servers)]
    if as_json:
        typer.echo(json.dumps([each.model_dump(mode="json", by_alias=True) for each in checks]))
    else:
        typer.echo(_page(checks))
    verdicts = {each.verdict for each in checks}
    if Verdict.AWAY in verdicts:
        raise typer.Exit(3)
    if Verdict.FAILED in verdicts:
        raise typer.Exit(1)


def _tokens(settings: Settings) -> Check:
    try:
        TokenVerifier(settings)
    except AuthenticationNotConfiguredError as error:
        return failed("settings.tokens", str(error), "`billie api` does not start like that.")
    return well("settings.tokens", "can be checked")


def _page(checks: list[Check]) -> str:
    width = max(len(each.name) for each in checks)
    lines = []
    for each in checks:
        verdict = each.verdict if each.verdict is Verdict.OK else each.verdict.upper()
        lines.append(f"{verdict:<8} {each.name:<{width}}  {each.detail}")
        if each.advice is not None:
            lines.append(f"{'':<8} {'':<{width}}  {each.advice}")
    bad = sum(each.verdict in (Verdict.FAILED, Verdict.AWAY) for each in checks)
    warnings = sum(each.verdict is Verdict.WARNING for each in checks)
    end = f"{counted(bad, 'failure')}, {counted(warnings, 'warning')}." if bad or warnings else "All well."
    return "\n".join([*lines, "", end])

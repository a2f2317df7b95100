"""``billie verify``: compare the live documents with the events."""

import asyncio
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from pymongo.database import Database

from app.cli.terminal.configured import StopAtEof, settings_for
from app.cli.terminal.errors import unreachable
from app.cli.terminal.job import Report, chosen, job
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import LedgerError
from app.operations.sums import Breach, contradicted_closures, ledger_differences, sums
from app.projections.read_models.calendar import BusinessCalendar
from app.projections.rebuild.differences import Difference, Kind, shown
from app.projections.rebuild.outcome import Progress
from app.projections.rebuild.verify import Sample, Verify
from app.runtime.humanize import counted
from app.runtime.servers.clients import mongo_client
from app.runtime.servers.stopping import StopSignal
from app.runtime.settings.settings import Settings


def _share(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        share = float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        msg = "a share such as 1% or 0.01, of more than nothing"
        raise typer.BadParameter(msg)
    return share


def command(
    names: Annotated[list[str] | None, typer.Argument(help="The read models to verify; all if none.")] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Correct what differs.")] = False,
    sample: Annotated[
        str | None, typer.Option(help="A share of the documents, such as 1%: different ones each day.")
    ] = None,
    sums_only: Annotated[
        bool, typer.Option("--sums", help="Check the sums over the documents instead.")
    ] = False,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="With --sums: open accounts' balances in the ledger too.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Progress, differences and outcome as lines of JSON.")
    ] = False,
    stop_at_eof: StopAtEof = False,
) -> None:
    """Fold the events again, and compare every live document field by field. Exit 1 on any difference."""
    share = _share(sample)
    if (sums_only and (names or fix or sample)) or (ledger and not sums_only):
        raise typer.BadParameter("--sums takes no names, --fix or --sample, and --ledger needs --sums")
    settings = settings_for("verify")
    if sums_only:
        _check_sums(settings, Report(as_json=as_json), with_ledger=ledger)
        return
    projections = chosen(settings, names, all_of_them=not names)
    done: list[Verify] = []
    with job("verify", settings, as_json=as_json, stop_at_eof=stop_at_eof) as running:
        report = running.report
        for projection in projections:
            chooses = Sample(share, f"{datetime.now(UTC):%Y-%m-%d}", projection) if share else None
            verify = Verify(projection, running.servicing, running.database, running.stop, chooses)
            _verify(verify, report, fix=fix)
            done.append(verify)
    wrong, unfixed = sum(each.wrong for each in done), sum(each.unfixed for each in done)
    report.say(_summary(sum(each.documents for each in done), wrong, unfixed, fix=fix))
    for each in done:
        if each.behind:
            report.say(
                f"{each.projection.name} is {counted(each.behind, 'position')} behind what was stored when "
                "this began: its documents lack that, and it was not compared. Is `billie project` running?"
            )
    if unfixed if fix else wrong:
        raise typer.Exit(1)


def _check_sums(settings: Settings, report: Report, *, with_ledger: bool) -> None:
    """Report each sum that does not hold. Exit 1 if there is any."""
    with StopSignal() as stop, closing(mongo_client(settings)) as client:
        database = client[settings.mongo_db]
        found = sums(database, BusinessCalendar(settings.business_time_zone), stop)
        contradicted = contradicted_closures(database)
        if with_ledger:
            try:
                found += asyncio.run(_asked(settings, database))
            except LedgerError as error:
                report.say(error=str(error))
                raise unreachable(error, "BILLIE_LEDGER_TARGET") from error
    for breach in found:
        report.say(str(breach), breach=breach._asdict())
    if contradicted:
        closures = counted(contradicted, "closure reports", "closures report")
        report.say(f"{closures} a total paid that breaks the account's sum; the balances' total stands.")
    report.say(
        f"{counted(len(found), 'sum')} not right." if found else "All sums hold.",
        outcome={"breaches": len(found), "contradictedClosures": contradicted},
    )
    if found:
        raise typer.Exit(1)


async def _asked(settings: Settings, database: Database[dict[str, Any]]) -> list[Breach]:
    async with LedgerClient(settings) as ledger:
        return await ledger_differences(database, ledger)


def _verify(verify: Verify, report: Report, *, fix: bool) -> None:
    def show(progress: Progress) -> None:
        if report.as_json:
            report.report(progress)
        else:
            report.progress(progress.projection, progress.position, progress.newest, "events")

    for difference in verify.run(show, fix=fix):
        report.say(_text(difference), difference=_plain(difference))
    assert verify.outcome is not None
    report.say(outcome=verify.outcome.model_dump())


def _summary(documents: int, wrong: int, unfixed: int, *, fix: bool) -> str:
    compared = f"{counted(documents, 'document')} compared"
    if not wrong:
        return f"{compared}: no differences."
    if not fix:
        return f"{compared}: {counted(wrong, 'difference')}. `billie verify --fix` corrects them."
    left = f", and {unfixed:,} that cannot be folded" if unfixed else ""
    return f"{compared}: {counted(wrong - unfixed, 'document')} corrected{left}."


def _text(difference: Difference) -> str:
    head = f"{difference.projection} {difference.identifier}: {difference.kind.replace('_', ' ')}"
    lines = [f"{head}, last touched at position {difference.position:,}"]
    if difference.kind == Kind.MISSING:
        lines[0] += ", and not there"
    if difference.detail:
        lines.append(f"  {difference.detail}")
    lines += [
        f"  {field.path}: should be {shown(field.expected)}, is {shown(field.found)}"
        for field in difference.fields
    ]
    return "\n".join(lines)


def _plain(difference: Difference) -> dict[str, Any]:
    plain = {
        "projection": difference.projection,
        "id": difference.identifier,
        "kind": difference.kind.value,
        "position": difference.position,
        "detail": difference.detail or None,
        "fields": [
            {"path": field.path, "expected": shown(field.expected), "found": shown(field.found)}
            for field in difference.fields
        ]
        or None,
    }
    return {name: value for name, value in plain.items() if value is not None}

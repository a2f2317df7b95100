"""``billie verify``: compare the live documents with the events."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import Annotated, Any, NamedTuple

import typer
from pymongo.database import Database
from pymongo.errors import PyMongoError

from app.cli.terminal.chosen import chosen
from app.cli.terminal.configured import settings_for
from app.cli.terminal.errors import unreachable
from app.cli.terminal.json_lines import JsonLines
from app.cli.terminal.status_line import StatusLine
from app.errors import BillieError
from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import LedgerError
from app.operations.sums import Breach, contradicted_closures, ledger_differences, sums
from app.projections.engine.leases import StoppedError
from app.projections.read_models.calendar import BusinessCalendar
from app.projections.rebuild.differences import Difference, Kind, shown
from app.projections.rebuild.verify import Checked, Sample, Verify
from app.runtime.humanize import counted
from app.runtime.observability.logging import configure_logging, in_short
from app.runtime.servers.clients import mongo_client
from app.runtime.servers.gc_tuning import favour_throughput
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
    stop_at_eof: Annotated[
        bool, typer.Option("--stop-at-eof", hidden=True, help="Stop when standard input ends.")
    ] = False,
) -> None:
    """Fold the events again, and compare every live document field by field. Exit 1 on any difference."""
    share = _share(sample)
    if (sums_only and (names or fix or sample)) or (ledger and not sums_only):
        raise typer.BadParameter("--sums takes no names, --fix or --sample, and --ledger needs --sums")
    settings = settings_for("verify")
    if sums_only:
        _check_sums(settings, JsonLines(is_on=as_json), with_ledger=ledger)
        return
    projections = chosen(settings, names, all_of_them=not names)
    configure_logging("verify", settings.log_format)
    favour_throughput()
    lines, results = JsonLines(is_on=as_json), list[_Result]()
    with (
        StopSignal() as stop,
        closing(mongo_client(settings)) as client,
        StatusLine() as status,
        _reported(lines, status),
        closing(Servicing.of(settings)) as servicing,
    ):
        if stop_at_eof:
            stop.also_at_eof()
        for projection in projections:
            chooses = Sample(share, f"{datetime.now(UTC):%Y-%m-%d}", projection) if share else None
            verify = Verify(projection, servicing, client[settings.mongo_db], stop, chooses)
            results.append(_verified(verify, lines, status, fix=fix))
    wrong, unfixed = sum(each.wrong for each in results), sum(each.unfixed for each in results)
    if not as_json:
        typer.echo(_summary(sum(each.documents for each in results), wrong, unfixed, fix=fix))
        for each in results:
            if each.behind:
                typer.echo(
                    f"{each.name} is {counted(each.behind, 'position')} behind what was stored when this "
                    "began: its documents lack that, and it was not compared. Is `billie project` running?"
                )
    if wrong if not fix else unfixed:
        raise typer.Exit(1)


def _check_sums(settings: Settings, lines: JsonLines, *, with_ledger: bool) -> None:
    """Report each sum that does not hold. Exit 1 if there is any."""
    with StopSignal() as stop, closing(mongo_client(settings)) as client:
        database = client[settings.mongo_db]
        found = sums(database, BusinessCalendar(settings.business_time_zone), stop)
        contradicted = contradicted_closures(database)
        if with_ledger:
            try:
                found += asyncio.run(_asked(settings, database))
            except LedgerError as error:
                lines.say(error=str(error))
                raise unreachable(error, "BILLIE_LEDGER_TARGET") from error
    for breach in found:
        lines.say(breach=breach._asdict())
        if not lines.is_on:
            typer.echo(str(breach))
    lines.say(outcome={"breaches": len(found), "contradictedClosures": contradicted})
    if contradicted and not lines.is_on:
        closures = counted(contradicted, "closure reports", "closures report")
        typer.echo(f"{closures} a total paid that breaks the account's sum; the balances' total stands.")
    if not lines.is_on:
        typer.echo(f"{counted(len(found), 'sum')} not right." if found else "All sums hold.")
    if found:
        raise typer.Exit(1)


async def _asked(settings: Settings, database: Database[dict[str, Any]]) -> list[Breach]:
    ledger = LedgerClient.of(settings)
    try:
        return await ledger_differences(database, ledger)
    finally:
        await ledger.close()


class _Result(NamedTuple):
    """The result for one read model."""

    name: str
    documents: int
    wrong: int
    unfixed: int
    behind: int


def _verified(verify: Verify, lines: JsonLines, status: StatusLine, *, fix: bool) -> _Result:
    """Verify one read model, and report each difference."""
    name, begun, checked = verify.projection.name, monotonic(), Checked(verify.projection.name, 0, 0, 0)

    def show(progress: Checked) -> None:
        nonlocal checked
        checked = progress
        if lines.is_on:
            phase = "fold" if checked.position < checked.newest else "compare"
            lines.progress(name, phase, checked.position, checked.newest, checked.documents)
        else:
            done = checked.position / checked.newest if checked.newest else 1.0
            status.show(f"{name}: {done:4.0%} of {checked.newest:,} events folded")

    wrong = undecided = 0
    for difference in verify.run(show, fix=fix):
        wrong += 1
        undecided += difference.kind is Kind.UNDECIDED
        if lines.is_on:
            lines.say(difference=_plain(difference))
        else:
            status.end()
            typer.echo(_text(difference))
    lines.say(
        outcome={
            "projection": name,
            "position": checked.position,
            "events": checked.events,
            "documents": verify.documents,
            "differences": wrong - undecided,
            "undecided": undecided,
            "fixed": wrong - verify.unfixed if fix else 0,
            "seconds": round(monotonic() - begun, 1),
        }
    )
    return _Result(name, verify.documents, wrong, verify.unfixed, verify.behind)


@contextmanager
def _reported(lines: JsonLines, status: StatusLine) -> Iterator[None]:
    """Exit with what a person can do about an error."""
    try:
        yield
    except StoppedError as error:
        lines.say(stopped=True)
        raise typer.Exit(1) from error
    except BillieError as error:
        lines.say(error=str(error))
        status.end()
        raise
    except (*EVENT_STORE_ERRORS, PyMongoError) as error:
        lines.say(error=f"A server cannot be reached: {in_short(error)}")
        status.end()
        raise


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
    plain: dict[str, Any] = {
        "projection": difference.projection,
        "id": difference.identifier,
        "kind": difference.kind.value,
        "position": difference.position,
    }
    if difference.detail:
        plain["detail"] = difference.detail
    if difference.fields:
        plain["fields"] = [
            {"path": field.path, "expected": shown(field.expected), "found": shown(field.found)}
            for field in difference.fields
        ]
    return plain

"""``billie verify``: compare the live documents with the events."""

import json
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from pymongo.errors import PyMongoError

from app.cli.terminal.chosen import chosen
from app.cli.terminal.configured import settings_for
from app.cli.terminal.errors import unreachable
from app.cli.terminal.status_line import StatusLine
from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.projections.engine.faults import ProjectionFault
from app.projections.engine.leases import StoppedError
from app.projections.rebuild.differences import Difference, Kind, shown
from app.projections.rebuild.verify import Checked, Sample, Verify
from app.runtime.humanize import counted
from app.runtime.observability.logging import configure_logging
from app.runtime.servers.clients import mongo_client
from app.runtime.servers.gc_tuning import favour_throughput
from app.runtime.servers.stopping import StopSignal


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
    fix: Annotated[bool, typer.Option("--fix", help="Put right what differs.")] = False,
    sample: Annotated[
        str | None, typer.Option(help="A share of the documents, such as 1%: other ones each day.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON a difference.")] = False,
) -> None:
    """Fold the events again, and compare every live document field by field. Exit 1 on any difference."""
    share = _share(sample)
    settings = settings_for("verify")
    projections = chosen(settings, names, all_of_them=not names)
    configure_logging("verify", settings.log_format)
    favour_throughput()
    status = StatusLine()
    wrong = unfixed = documents = 0
    behind: dict[str, int] = {}

    def show(checked: Checked) -> None:
        done = checked.position / checked.newest if checked.newest else 1.0
        status.show(f"{checked.name}: {done:4.0%} of {checked.newest:,} events folded")

    client = mongo_client(settings)
    with StopSignal() as stop, closing(client):
        try:
            with closing(Servicing.of(settings)) as servicing:
                for projection in projections:
                    chooses = Sample(share, f"{datetime.now(UTC):%Y-%m-%d}", projection) if share else None
                    verify = Verify(projection, servicing, client[settings.mongo_db], stop, chooses)
                    for difference in verify.run(show if not as_json else lambda _: None, fix=fix):
                        status.end()
                        wrong += 1
                        typer.echo(json.dumps(_plain(difference)) if as_json else _told(difference))
                    documents += verify.documents
                    behind |= {projection.name: verify.behind} if verify.behind else {}
                    unfixed += verify.unfixed
        except StoppedError as error:
            raise typer.Exit(1) from error
        except ProjectionFault as error:
            status.end()
            typer.echo(f"{error}.", err=True)
            raise typer.Exit(1) from error
        except (*EVENT_STORE_ERRORS, PyMongoError) as error:
            status.end()
            raise unreachable(error, "BILLIE_MONGO_URL", "BILLIE_EVENT_STORE_URL") from error
    status.end()
    if not as_json:
        typer.echo(_summary(documents, wrong, unfixed, fix=fix))
        for name, positions in behind.items():
            typer.echo(
                f"{name} is {counted(positions, 'position')} behind what was stored when this began: its "
                "documents lack that, and it was not compared. Is `billie project` running?"
            )
    if wrong if not fix else unfixed:
        raise typer.Exit(1)


def _summary(documents: int, wrong: int, unfixed: int, *, fix: bool) -> str:
    compared = f"{counted(documents, 'document')} compared"
    if not wrong:
        return f"{compared}: as the events say."
    if not fix:
        return f"{compared}: {counted(wrong, 'difference')}. `billie verify --fix` puts them right."
    left = f", and {unfixed:,} that cannot be folded" if unfixed else ""
    return f"{compared}: {counted(wrong - unfixed, 'document')} put right{left}."


def _told(difference: Difference) -> str:
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

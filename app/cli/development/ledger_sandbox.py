"""``billie ledger-sandbox``: a ledger for the demo and for tests."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from redis.exceptions import RedisError

from app.cli.terminal.configured import settings_for
from app.demo.ledger_feed import listen
from app.errors import UsageError
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.parsers import load_parsers
from app.ingestion.stream.consumer import connect
from app.ledger.sandbox.books import Books
from app.ledger.sandbox.faults import OPERATIONS, Faults
from app.ledger.sandbox.outbox import Publisher
from app.ledger.sandbox.service import serve
from app.runtime.observability.logging import configure_logging
from app.runtime.observability.metrics import Role
from app.runtime.observability.metrics_server import serving_metrics
from app.runtime.servers.back_off import BackOff
from app.runtime.servers.stopping import StopSignal

_BANNER = """
*** SANDBOX LEDGER, NO REAL MONEY MOVES ***
It answers as the Accounting Ledger does, from books of its own, and is for demos and tests only.
"""


def command(
    data: Annotated[Path, typer.Option(help="The file that its books are kept in.")] = Path("var/ledger.db"),
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="OPERATION:KIND[:PROBABILITY], such as RecordRepayment:drop-after-commit:0.2; kinds: "
            "delay=SECONDS, unavailable, reject, hang, drop-after-commit, hang-after-commit; * for all. "
            "May be repeated."
        ),
    ] = None,
    fault_seed: Annotated[int, typer.Option(help="Of the dice that faults throw.")] = 0,
    without: Annotated[
        list[str] | None,
        typer.Option(help="An operation that it does not offer, as deployed ledgers lack ApplyFee."),
    ] = None,
) -> None:
    """Serve a SANDBOX of the Accounting Ledger: real gRPC, no real money.

    It hears of accounts on the inbox stream, and publishes there what it posts.
    """
    settings = settings_for("ledger-sandbox")
    configure_logging("ledger-sandbox", settings.log_format)
    faults, parsers = Faults(fault_seed), load_parsers(CATALOGUE)
    for text in fault or []:
        faults.add_text(text)
    for name in without or []:
        if name not in OPERATIONS:
            raise UsageError(f"No operation {name!r}; there are {', '.join(OPERATIONS)}")
    books = Books(data)
    try:
        server = serve(books, settings.ledger_target, faults=faults, without=without or ())
    except RuntimeError as error:
        typer.echo(f"{settings.ledger_target} is taken: {error}. Set BILLIE_LEDGER_TARGET.", err=True)
        raise typer.Exit(3) from error
    lines = [
        _BANNER.strip(),
        f"Serving on {settings.ledger_target}, books in {data}, stream {settings.inbox_stream}.",
        *(f"Fault on demand: {each}" for each in fault or []),
        *(f"Without {each}" for each in without or []),
    ]
    # On standard error, where the log is: nothing that is piped away takes it out of sight.
    typer.echo("\n".join(lines), err=True)
    redis = connect(settings)
    with (
        serving_metrics(settings, Role.LEDGER_SANDBOX),
        StopSignal() as stop,
        ThreadPoolExecutor(1, "announcements") as pool,
    ):
        publisher = Publisher(books, redis, settings.inbox_stream)
        publishing = pool.submit(publisher.run, stop)
        publishing.add_done_callback(lambda _: stop.set())
        back_off = BackOff(stop, "stream")
        while not stop.is_set():
            try:
                listen(redis, settings.inbox_stream, settings.max_message_bytes, books, stop, parsers)
            except RedisError as error:
                # It serves all the same: a ledger does not need its listeners.
                back_off.failed(error)
        server.stop(grace=5).wait()
        books.wake()  # The publisher looks again, after the last posting.
        publishing.result()
    redis.close()
    books.close()

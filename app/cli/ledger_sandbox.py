"""``billie ledger-sandbox``: a ledger for the demo and for tests."""

from pathlib import Path
from typing import Annotated

import typer
from redis.exceptions import RedisError

from app.demo.ledger_feed import listen
from app.ingestion.consumer import connect
from app.ledger.sandbox.books import Books
from app.ledger.sandbox.service import serve
from app.runtime.logging import configure_logging
from app.runtime.settings import get_settings
from app.runtime.stopping import StopSignal


def command(
    data: Annotated[Path, typer.Option(help="The file that its books are kept in.")] = Path("var/ledger.db"),
) -> None:
    """Serve a SANDBOX of the Accounting Ledger: real gRPC, no real money."""
    settings = get_settings()
    configure_logging("ledger-sandbox")
    books = Books(data)
    try:
        server = serve(books, settings.ledger_target)
    except RuntimeError as error:
        typer.echo(f"{settings.ledger_target} is taken: {error}. Set BILLIE_LEDGER_TARGET.", err=True)
        raise typer.Exit(3) from error
    typer.echo(f"SANDBOX LEDGER, NO REAL MONEY, on {settings.ledger_target}")
    redis = connect(settings)
    with StopSignal() as stop:
        while not stop.is_set():
            try:
                listen(redis, settings.inbox_stream, settings.max_message_bytes, books, stop)
            except RedisError as error:
                typer.echo(f"Redis is away ({type(error).__name__}): still serving.", err=True)
                stop.wait(2)
    server.stop(grace=5).wait()
    redis.close()
    books.close()

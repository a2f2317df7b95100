"""``billie publish``: put a file of entries on the stream."""

from pathlib import Path
from typing import Annotated

import typer
from redis.exceptions import RedisError

from app.cli.unreachable import unreachable
from app.ingestion.consumer import connect
from app.ingestion.publish import publish_file
from app.runtime.settings import get_settings


def command(
    file: Annotated[Path, typer.Argument(help='JSON lines, an entry each; "-" reads standard input.')],
) -> None:
    """Publish a JSON-lines file of entries on the inbox stream."""
    settings = get_settings()
    source = Path("/dev/stdin") if str(file) == "-" else file
    client = connect(settings)
    try:
        count = publish_file(client, settings.inbox_stream, source)
    except OSError as error:
        typer.echo(f"{file} cannot be read: {error.strerror}.", err=True)
        raise typer.Exit(2) from error
    except ValueError as error:
        typer.echo(f"{error}. The lines before it may have been published.", err=True)
        raise typer.Exit(2) from error
    except RedisError as error:
        raise unreachable(error, "BILLIE_REDIS_URL") from error
    finally:
        client.close()
    typer.echo(f"{count:,} entries published on {settings.inbox_stream}.")

"""All the roles and the sandbox ledger as processes, over the servers of a test."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.runtime.servers.embedded import free_port
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie


def on_free_ports(settings: Settings) -> Settings:
    """The settings, with a ledger and an API that get in nobody's way."""
    given = settings.model_copy(update={"ledger_target": f"127.0.0.1:{free_port()}", "api_port": free_port()})
    given.model_fields_set.update(("ledger_target", "api_port"))
    return given


@contextmanager
def whole_system(settings: Settings, logs: Path) -> Iterator[Billie]:
    """Migrate, then run ledger, ingest, project and API; each logs into ``logs``. None has to be up yet."""
    billie = Billie.of(settings)
    billie.run("migrate")
    with ExitStack() as running:
        for arguments in (
            ("ledger-sandbox", "--data", str(logs / "ledger.db")),
            ("ingest",),
            ("project",),
            ("api",),
        ):
            log = running.enter_context((logs / f"{arguments[0]}.log").open("w"))
            process = billie.start(*arguments, log=log)
            running.callback(process.wait)
            running.callback(process.terminate)
        yield billie

"""A browser and the whole system, for the tests of one file."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from app.runtime.servers.embedded import EmbeddedServer
from tests.e2e.console.system import System, failures, running_system, settings_of
from tests.support.browser import browser as some_browser
from tests.support.whole_system import on_free_ports


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with some_browser() as found:
        yield found


@pytest.fixture(scope="module")
def running(
    browser: Browser,  # Without one, nothing has to be started.
    redis_server: EmbeddedServer,
    mongo_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[System]:
    name = request.module.__name__.rpartition(".")[2]
    logs = tmp_path_factory.mktemp(name)
    settings = settings_of(redis_server.url, mongo_url, logs, name)
    with running_system(on_free_ports(settings), logs) as found:
        yield found


@pytest.fixture(autouse=True)
def no_failure() -> Iterator[None]:
    """No test may leave a failed script or a violation of the content security policy."""
    failures()
    yield
    assert failures() == []

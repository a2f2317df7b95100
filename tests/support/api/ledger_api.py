"""The API in front of a scripted ledger, for tests that need no other server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from app.api.auth.development_tokens import issue_token
from app.runtime.settings.settings import Settings
from tests.support.api.serving import serving
from tests.support.waiting import LONG_S


def ledger_settings(target: str, directory: Path, **more: Any) -> Settings:
    """Settings with this ledger, and no Redis and no MongoDB."""
    return Settings(
        redis_url="redis://127.0.0.1:1/0",
        mongo_url="mongodb://127.0.0.1:1",
        event_store_url=f"sqlite:///{directory / 'events.db'}",
        jwt_secret=SecretStr("a secret for tests, of more than 32 bytes"),
        ledger_target=target,
        rate_per_second=0,
        **more,
    )


@contextmanager
def ledger_api(settings: Settings, *, role: str = "readonly") -> Iterator[httpx.Client]:
    """A client of the API, with a token of this role."""
    headers = {"Authorization": f"Bearer {issue_token(settings, 'ann', role)}"}
    with serving(settings) as url, httpx.Client(base_url=url, headers=headers, timeout=2 * LONG_S) as client:
        yield client

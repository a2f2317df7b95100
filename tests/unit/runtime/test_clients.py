"""What MongoDB clients take beside their URL, which has the last word."""

import pytest

from app.runtime.servers.clients import mongo_client
from app.runtime.settings.settings import Settings


@pytest.mark.parametrize(
    ("query", "concern", "retries"),
    [
        ("", "majority", (True, True)),
        ("/?replicaSet=rs0", "majority", (True, True)),
        ("/?w=1&retrywrites=false", 1, (False, True)),
        ("/?retryReads=false", "majority", (True, False)),
    ],
)
def test_majority_and_retries_are_the_defaults(
    query: str, concern: str | int, retries: tuple[bool, bool]
) -> None:
    with mongo_client(Settings(mongo_url=f"mongodb://127.0.0.1:1,127.0.0.1:2{query}")) as client:
        options = client.options
        assert client.write_concern.document["w"] == concern
        assert (options.retry_writes, options.retry_reads) == retries
        assert options.codec_options.tz_aware

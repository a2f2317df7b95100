"""What MongoDB clients take beside their URL, which has the last word."""

import pytest

from app.runtime.servers.clients import mongo_options
from app.runtime.settings.settings import Settings


@pytest.mark.parametrize(
    ("query", "taken"),
    [
        ("", {"w": "majority", "retryWrites": True, "retryReads": True}),
        ("/?replicaSet=rs0", {"w": "majority", "retryWrites": True, "retryReads": True}),
        ("/?w=1&retrywrites=false", {"retryReads": True}),
        ("/?retryReads=false", {"w": "majority", "retryWrites": True}),
    ],
)
def test_majority_and_retries_are_the_defaults(query: str, taken: dict[str, object]) -> None:
    options = mongo_options(Settings(mongo_url=f"mongodb://one,two{query}"))
    assert options == {"tz_aware": True, **taken}

"""Which dead letters an erasure names: those with an id of the customer's, in whatever form they were kept."""

import pytest
from redis import Redis

from app.ingestion.dead_letter_box import DeadLetterBox
from app.ingestion.dead_letters import DeadLetter
from app.ingestion.unusable import Reason, Unusable
from app.operations.erasures import letters_naming
from app.runtime.settings import Settings


@pytest.fixture
def box(redis_client: Redis, settings: Settings) -> DeadLetterBox:
    return DeadLetterBox(redis_client, settings)


def set_aside(redis: Redis, settings: Settings, fields: dict[bytes, bytes]) -> str:
    """A dead letter of an entry; its id."""
    why = Unusable(Reason.NOT_UTF8, "dat", "it is not UTF-8")
    letter = DeadLetter(settings.inbox_stream, "1-0", fields, why, deliveries=1)
    added: bytes = redis.xadd(settings.dead_letter_stream, letter.as_entry())  # type: ignore[arg-type,assignment]
    return added.decode()


def test_one_that_is_not_utf_8_is_named_by_its_bytes(
    box: DeadLetterBox, redis_client: Redis, settings: Settings
) -> None:
    """It stands there as ``base64:…``, where no text of it is found."""
    latin = '{"customer_id": "CUS-1", "first_name": "José"}'.encode("latin-1")
    entry = {b"typ": b"customer.changed.v1", b"dat": latin}
    theirs = set_aside(redis_client, settings, entry)
    key = set_aside(redis_client, settings, {b"CUS-1 of Jos\xe9": b"?"})
    set_aside(redis_client, settings, entry | {b"dat": latin.replace(b"CUS-1", b"CUS-2")})
    assert letters_naming(box, ["CUS-1", "L1"]).ids == [theirs, key]

"""Transcripts over REST: in order of time, not of arrival, and at the cost of the page."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from app.aggregates import Conversation
from app.event_store.application import Servicing
from app.event_store.transcoder import SealingMapper
from app.runtime.settings.settings import Settings
from tests.support.api.money import client_of
from tests.support.api.serving import serving
from tests.support.data.given import absorb
from tests.support.data.projecting import On

CHAT = On(Conversation, "V1")
MANY = 60


@pytest.fixture
def client(settings: Settings) -> Iterator[httpx.Client]:
    """Of an API over a conversation of so many utterances."""
    with closing(Servicing.from_url(settings.event_store_url)) as servicing:
        absorb(servicing, [CHAT.start(at=0, customer_id="C1")])
        absorb(servicing, [said(number) for number in range(MANY)])
    with serving(settings) as url, client_of(url, settings, "readonly") as client:
        yield client


def said(number: int) -> Any:
    return CHAT.add_utterance(at=number, username="customer", utterance=str(number))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The stored events that are opened."""
    rows: list[Any] = []
    original = SealingMapper.to_domain_event

    def open_one(mapper: SealingMapper, row: Any) -> Any:
        rows.append(row)
        return original(mapper, row)

    monkeypatch.setattr(SealingMapper, "to_domain_event", open_one)
    return rows


def pages(client: httpx.Client, path: str) -> list[list[dict[str, Any]]]:
    found = []
    following: str | None = path
    while following is not None:
        answer = client.get(following)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
        following = answer.json().get("next")
    return found


def test_paging_opens_each_event_at_most_twice(client: httpx.Client, opened: list[Any]) -> None:
    """It was all of them for each page."""
    found = pages(client, "/v1/conversations/V1/utterances?limit=5")
    assert [each["utterance"] for page in found for each in page] == [str(number) for number in range(MANY)]
    assert len(found) == MANY / 5
    assert len(opened) < 2.5 * MANY


def test_utterances_that_arrive_while_paging_are_shown_in_order(
    client: httpx.Client, settings: Settings
) -> None:
    path = "/v1/conversations/V1/utterances?limit=3"
    assert [each["utterance"] for each in client.get(path).json()["items"]] == ["0", "1", "2"]
    with closing(Servicing.from_url(settings.event_store_url)) as servicing:
        late = CHAT.add_utterance(at=1, received=99, username="assistant", utterance="late")
        absorb(servicing, [late])
    assert [each["utterance"] for each in client.get(path).json()["items"]] == ["0", "1", "late"]

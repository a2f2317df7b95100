"""Pages of transcripts are those of the whole read model, in every order of arrival."""

import sys
from random import Random
from typing import Any

import pytest

from app.aggregates import Conversation
from app.api.histories import service as transcripts
from app.api.histories.service import List, Transcripts
from app.event_store.application import Servicing
from app.projections.read_models.base import Options
from app.projections.read_models.conversations.read_model import Conversations
from tests.support.data.given import Step, absorb
from tests.support.data.projecting import On

WHOLE = Conversations(
    Options(max_utterances=sys.maxsize, max_notices=sys.maxsize, max_list_bytes=sys.maxsize)
)
LISTS: tuple[List, List] = ("utterances", "noticeboard")


def chat(random: Random, name: str, length: int) -> list[Step]:
    """Utterances and notices, some of one time, none in order of it, and other news between them."""
    steps, on = [], On(Conversation, name)
    for number in range(length):
        at = random.randrange(length // 2)
        match random.randrange(4):
            case 0:
                steps.append(on.post_notice(at=at, agent_name="a", topic="t", content=str(number)))
            case 1:
                steps.append(on.record_assessment(at=at, kind="fraudCheck", result={"n": number}))
            case _:
                steps.append(on.add_utterance(at=at, username="customer", utterance=str(number)))
    return [*steps, on.start(at=0, customer_id="C1")]


def whole(servicing: Servicing, name: str) -> dict[str, Any]:
    document: dict[str, Any] | None = None
    for event in servicing.events.get(Conversation.id_of(name)):
        document = WHOLE.evolve(document, event)
    assert document is not None
    return document


def paged(pages: Transcripts, servicing: Servicing, name: str, which: List, most: int) -> list[Any]:
    found: list[Any] = []
    while (page := pages.page(servicing, name, which, len(found), most)) is not None:
        assert page.customer_id == "C1"
        found += page.items
        if not page.goes_on:
            break
    return found


@pytest.mark.parametrize("seed", range(8))
def test_transcript_pages_match_the_document_and_follow_new_entries(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random, servicing, pages = Random(seed), Servicing.in_memory(), Transcripts()
    monkeypatch.setattr(transcripts, "_AT_ONCE", 7)
    for length in (40, 25):
        absorb(servicing, chat(random, "V1", length))
        for which in LISTS:
            most = random.randint(1, 30)
            assert paged(pages, servicing, "V1", which, most) == whole(servicing, "V1")[which]
    beyond = pages.page(servicing, "V1", "utterances", 1_000, 5)
    assert beyond is not None
    assert (beyond.items, beyond.goes_on) == ([], False)


def test_erased_utterances_are_in_no_page() -> None:
    servicing, pages, on = Servicing.in_memory(), Transcripts(), On(Conversation, "V1")
    absorb(servicing, [*chat(Random(1), "V1", 20)])
    assert paged(pages, servicing, "V1", "utterances", 50)
    absorb(servicing, [on.erase(at=50, erasure=Conversation.PersonalDataErased(erased_with="C1"))])
    absorb(servicing, [on.add_utterance(at=60, username="customer", utterance="later")])
    for which in LISTS:
        assert paged(pages, servicing, "V1", which, 50) == []
        assert paged(Transcripts(), servicing, "V1", which, 50) == []


def test_the_cache_is_bounded_and_holds_no_missing_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    servicing, pages = Servicing.in_memory(), Transcripts()
    monkeypatch.setattr(transcripts, "_MOST_ITEMS", 50)
    for name in ("V1", "V2", "V3"):
        absorb(servicing, chat(Random(2), name, 20))
        assert paged(pages, servicing, name, "utterances", 50)
    assert pages.page(servicing, "V4", "utterances", 0, 5) is None
    assert list(pages._known) == ["V2", "V3"]
    monkeypatch.setattr(transcripts, "_MOST_ITEMS", 1)
    assert paged(pages, servicing, "V1", "utterances", 4) == whole(servicing, "V1")["utterances"]
    assert list(pages._known) == ["V1"]

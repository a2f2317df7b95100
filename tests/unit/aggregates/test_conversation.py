"""The rules of contract messages.md, section "Chat"."""

from typing import Any

import pytest

from app.aggregates import Conversation
from app.projections.read_models.base import Options
from app.projections.read_models.conversations.read_model import Conversations
from tests.support.data.given import fold, message, minute


def spoken(conversation: Conversation, *minutes: int) -> None:
    for number in minutes:
        conversation.add_utterance(
            message(f"u{number}"), username="customer", utterance=str(number), created_at=minute(number)
        )


def test_a_late_start_clears_no_field() -> None:
    chat = Conversation.register("V1", message("first"))
    spoken(chat, 2)
    chat.record_assessment(message("a"), kind="fraudCheck", result={"score": 3})
    chat.decide(message("d", at=5), decision="APPROVED", details={"reason": "good"})
    chat.start(message("s", at=1), customer_id="C1", application_number="A1", started_at=minute(1))
    document = fold(Conversations(), chat)
    assert document is not None
    assert (document["status"], document["finalDecision"]) == ("approved", "APPROVED")
    assert (document["customerId"], document["startedAt"]) == ("C1", minute(1))
    assert (document["utteranceCount"], document["assessments"]) == (1, {"fraudCheck": {"score": 3}})


def test_never_started_is_active() -> None:
    chat = Conversation.register("V1", message("first"))
    spoken(chat, 1)
    document = fold(Conversations(), chat)
    assert document is not None
    assert document["status"] == "active"


def test_utterances_are_in_their_own_order_and_the_newest_are_kept() -> None:
    chat = Conversation.register("V1", message("first"))
    spoken(chat, 5, 1, 4, 2, 3)
    document = fold(Conversations(Options(max_utterances=3)), chat)
    assert document is not None
    assert [item["utterance"] for item in document["utterances"]] == ["3", "4", "5"]
    assert document["utteranceCount"] == 5
    assert document["lastUtteranceAt"] == minute(5)


def test_utterances_of_one_time_are_in_arrival_order() -> None:
    chat = Conversation.register("V1", message("first"))
    for word in ("first", "second", "third"):
        chat.add_utterance(message(word), username="assistant", utterance=word, created_at=minute(1))
    document = fold(Conversations(), chat)
    assert document is not None
    assert [item["utterance"] for item in document["utterances"]] == ["first", "second", "third"]


def test_application_data_is_merged_deeply_and_newer_leaves_stay() -> None:
    chat = Conversation.register("V1", message("first"))
    chat.change_application(message("m2", at=2), application_data={"job": {"title": "baker", "pay": 900}})
    chat.change_application(message("m1", at=1), application_data={"job": {"title": "cook", "since": 2020}})
    document = fold(Conversations(), chat)
    assert document is not None
    assert document["applicationData"] == {"job": {"title": "baker", "pay": 900, "since": 2020}}


def test_keys_that_mongo_refuses_are_replaced() -> None:
    chat = Conversation.register("V1", message("first"))
    chat.record_assessment(message("a"), kind="fraudCheck", result={"$gt": {"a.b": 1, "empty": None}})
    document = fold(Conversations(), chat)
    assert document is not None
    assert document["assessments"]["fraudCheck"] == {"＄gt": {"a．b": 1}}


def test_facts_replace_the_list() -> None:
    chat = Conversation.register("V1", message("first"))
    chat.summarise(message("m1"), purpose="car", facts=["one", "two"])
    chat.summarise(message("m2"), facts=["three"])
    document = fold(Conversations(), chat)
    assert document is not None
    assert (document["purpose"], document["facts"]) == ("car", ["three"])


@pytest.mark.parametrize("order", ["12", "21"])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"a": 5}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": 5}),
    ],
)
def test_newer_report_decides_whether_something_is_an_object(
    order: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    chat = Conversation.register("V1", message("first"))
    for name in order:
        data = first if name == "1" else second
        chat.change_application(message(name, at=int(name)), application_data=data)
    document = fold(Conversations(), chat)
    assert document is not None
    assert document["applicationData"] == second


def test_key_with_a_full_stop_is_not_a_path() -> None:
    chat = Conversation.register("V1", message("first"))
    chat.change_application(message("m2", at=2), application_data={"a.b": 2})
    chat.change_application(message("m1", at=1), application_data={"a": {"b": 1}})
    document = fold(Conversations(), chat)
    assert document is not None
    assert document["applicationData"] == {"a．b": 2, "a": {"b": 1}}


@pytest.mark.parametrize("order", [(1, 2, 3, 4), (4, 3, 2, 1), (2, 4, 1, 3)])
def test_list_that_grows_too_large_for_a_document_keeps_the_newest(order: tuple[int, ...]) -> None:
    chat = Conversation.register("V1", message("first"))
    for number in order:
        text = "x" * (400 if number == 2 else 100)
        source, at = message(f"u{number}"), minute(number)
        chat.add_utterance(source, username="customer", utterance=f"{number}{text}", created_at=at)
    document = fold(Conversations(Options(max_list_bytes=600)), chat)
    assert document is not None
    assert [item["utterance"][0] for item in document["utterances"]] == ["3", "4"]
    assert document["utteranceCount"] == 4

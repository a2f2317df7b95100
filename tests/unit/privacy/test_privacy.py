"""What a save has to do with privacy: much for personal facts and links, nothing for all other events."""

from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

import pytest
from eventsourcing.persistence import RecordConflictError

from app.aggregates import Conversation, Customer, LoanAccount
from app.event_store.application import Servicing
from tests.support.data.erasing import SECRET, erase, know
from tests.support.data.given import Step, absorb, message
from tests.support.data.projecting import On

ACCOUNT, CHAT, PERSON = On(LoanAccount, "L1"), On(Conversation, "V1"), On(Customer, "C1")


def refuse(*_: object) -> NoReturn:
    raise AssertionError


@pytest.fixture
def servicing(monkeypatch: pytest.MonkeyPatch) -> Servicing:
    servicing = Servicing.in_memory()
    absorb(servicing, [ACCOUNT.open(at=1, customer_id="C1", status="ACTIVE")])
    monkeypatch.setattr(servicing.privacy, "prepare", refuse)
    return servicing


def test_an_event_without_personal_facts_passes_privacy_by(servicing: Servicing) -> None:
    newest = servicing.max_position()
    absorb(servicing, [ACCOUNT.update(at=2, current_balance=Decimal("5.00"))])
    assert servicing.max_position() == newest + 1


@pytest.mark.parametrize(
    "step",
    [
        PERSON.report_details(at=2, first_name=SECRET),
        CHAT.start(at=2, customer_id="C1"),
        CHAT.add_utterance(at=2, username="customer", utterance=SECRET),
    ],
    ids=["a personal fact", "an owner", "words"],
)
def test_personal_facts_and_owners_do_not(servicing: Servicing, step: Step) -> None:
    with pytest.raises(AssertionError):
        absorb(servicing, [step])


def test_a_writer_unaware_of_an_erasure_conflicts_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with closing(Servicing.from_url(url)) as store, closing(Servicing.from_url(url)) as other:
        know(store, "C1", "L1")
        source = message("late", at=60)
        unit = other.unit_of_work()
        unit.obtain(Conversation, "V9", source).start(source, customer_id="C1")
        erase(store)
        with pytest.raises(RecordConflictError, match="erased meanwhile"):
            unit.commit()
        other.change(lambda unit: unit.obtain(Conversation, "V9", source).start(source, customer_id="C1"))
        chat = store.load(Conversation, "V9")
        assert chat is not None
        assert chat.erased is not None

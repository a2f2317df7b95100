"""What is payable, reckoned from the movements, is what the account's figures add up to."""

from random import Random
from threading import Event
from typing import Any

import mongomock
import pytest
from pymongo.errors import OperationFailure

from app.aggregates.loan_account.reports import Report, insert
from app.aggregates.loan_account.standing import standing_after
from app.operations import sums
from app.operations.sums import payable_after
from app.projections.read_models.calendar import BusinessCalendar

_TYPES = ("REPAYMENT", "WRITE_OFF", "LATE_FEE", "DISBURSEMENT", None)
_STATUSES = ("PENDING", "PENDING_DISBURSEMENT", "ACTIVE", "SUSPENDED", "CLOSED", None)


def _reports(chance: Random) -> list[Report]:
    found: list[Report] = []
    for _ in range(chance.randint(1, 8)):
        said: dict[str, Any] = {
            "status": chance.choice(_STATUSES),
            "current_balance": chance.choice((0, 100, 200, 500, 620, 700, None)),
            "triggered_by_transaction_type": chance.choice(_TYPES),
            "terms": chance.choice(({"total_payable": 620}, None)),
        }
        if chance.random() < 0.15:
            reason = chance.choice(("PAID_OFF", "WRITTEN_OFF", "ADMIN_CLOSED", None))
            facts = {"reason": reason, "final_balance": chance.choice((0, 100, 500, None))}
            said = {"closure": {name: fact for name, fact in facts.items() if fact is not None}}
        report: Any = {name: fact for name, fact in said.items() if fact is not None}
        insert(found, report | {"at": chance.randint(0, 20)})
    return found


@pytest.mark.parametrize("seed", range(5))
def test_paid_owed_written_off_and_released_are_together_what_is_payable(seed: int) -> None:
    chance, compared = Random(seed), 0
    for _ in range(600):
        reports = _reports(chance)
        standing, payable = standing_after(reports), payable_after(reports)
        if payable is None or standing.total_paid is None or standing.balance is None:
            continue
        compared += 1
        gone = (standing.written_off or 0) + (standing.released or 0)
        assert standing.total_paid + standing.balance + gone == payable, reports
    assert compared > 200


def test_sums_are_looked_at_again_where_a_rebuild_replaced_a_collection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[None] = []

    def cut_off_once(*_: Any) -> list[sums.Breach]:
        looks.append(None)
        if len(looks) == 1:
            raise OperationFailure("query plan killed", 175)
        return []

    monkeypatch.setattr(sums, "_breaches", cut_off_once)
    database = mongomock.MongoClient().database
    assert sums.sums(database, BusinessCalendar("Australia/Sydney"), Event()) == []
    assert len(looks) == 2

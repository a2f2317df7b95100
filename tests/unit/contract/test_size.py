"""Contract, Chat: no part of a document can keep the document from following."""

from random import Random
from typing import Any

import bson
import pytest
from pymongo.errors import DocumentTooLarge

from app.aggregates import LoanAccount
from app.projections.engine.faults import ProjectionFault
from app.projections.read_models.conversations.read_model import MAX_APPLICATION_BYTES
from app.projections.read_models.customers import Customers
from app.projections.read_models.loan_accounts.document import REPORTS
from app.projections.read_models.loan_accounts.read_model import LoanAccounts
from app.projections.rebuild.one_document import put_in_place
from tests.support.data.contract import Sent, documents, sent
from tests.support.data.mock_mongo import Database
from tests.support.data.projecting import On, given
from tests.unit.contract.accounts.loans import Document, instalment, planned, running, updated

CHAT = {"cid": "V1"}
TEXT = "x" * 240_000


def application(number: int, **data: Any) -> Sent:
    at = {"timestamp": f"2026-03-01T{9 + number // 60:02}:{number % 60:02}"} | CHAT
    return sent("applicationDetail_changed", data, entry=at)


def conversation(*messages: Sent) -> dict[str, Any]:
    found: dict[str, Any] = documents(messages, names=["conversations"])["conversations"]["V1"]
    return found


def test_application_data_beyond_its_bound_is_marked_as_cut_and_everything_after_it_shows() -> None:
    found = conversation(
        *(application(number, **{f"payslip{number}": TEXT}) for number in range(80)),
        application(81, income="2300"),
        sent("user_input", utterance="Hello", entry=CHAT),
        sent("final_decision", decision="APPROVED", reason="good", entry=CHAT),
    )
    data = found["applicationData"]
    assert found["cutParts"] == ["applicationData"]
    assert (data["income"], data["payslip79"], "payslip0" in data) == ("2300", TEXT, False)
    assert len(bson.encode(data)) <= MAX_APPLICATION_BYTES
    assert (found["finalDecision"], found["status"], found["utteranceCount"]) == ("APPROVED", "approved", 1)


def test_one_large_object_loses_its_oldest_values_first() -> None:
    found = conversation(*(application(number, files={f"f{number}": TEXT}) for number in range(12)))
    assert list(found["applicationData"]["files"]) == [f"f{number}" for number in range(4, 12)]


@pytest.mark.parametrize("chosen_by", range(4))
def test_the_cut_of_application_data_is_the_same_in_any_order_of_arrival(chosen_by: int) -> None:
    """A value that was never cut may still change, and one that was cut may be reported again."""
    sizes = [240_000, 60_000, 1_000, 200_000]
    messages = [
        application(number, files={f"f{number}": "x" * sizes[number % 4]}, latest=str(number))
        for number in range(30)
    ]
    messages.append(application(31, files={"f1": "again"}))
    expected = conversation(*messages)
    assert expected["cutParts"] == ["applicationData"]
    assert expected["applicationData"]["latest"] == "29"
    assert expected["applicationData"]["files"]["f1"] == "again"
    assert "f0" not in expected["applicationData"]["files"]
    assert conversation(*reversed(messages)) == expected
    Random(chosen_by).shuffle(messages)
    assert conversation(*messages) == expected


def test_application_data_within_its_bound_is_whole() -> None:
    found = conversation(*(application(number, form=TEXT + str(number)) for number in range(20)))
    assert found["applicationData"] == {"form": TEXT + "19"}
    assert "cutParts" not in found


def test_an_assessment_that_is_too_large_is_marked_as_cut_until_a_smaller_one_comes() -> None:
    large = sent("fraudCheck_assessment", scores=[1] * 80_000, entry=CHAT)
    assert conversation(large)["cutParts"] == ["assessments.fraudCheck"]
    found = conversation(large, sent("fraudCheck_assessment", score=1, entry=CHAT))
    assert (found["assessments"], "cutParts" in found) == ({"fraudCheck": {"score": 1}}, False)


def test_facts_that_are_too_large_are_marked_as_cut() -> None:
    found = conversation(sent("conversation_summary", purpose="a car", facts=[1] * 80_000, entry=CHAT))
    assert (found["cutParts"], found["purpose"], "facts" in found) == (["facts"], "a car", False)


def test_a_document_that_mongodb_refuses_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """``billie rebuild --id`` and ``billie verify --fix`` show a ProjectionFault as it is."""

    def too_large(*_arguments: Any, **_options: Any) -> None:
        raise DocumentTooLarge("BSON document too large")

    database: Any = Database()
    monkeypatch.setattr(type(database["customers"]), "replace_one", too_large, raising=False)
    with pytest.raises(
        ProjectionFault, match=r"MongoDB refuses document C1 of customers \(DocumentTooLarge\)"
    ):
        put_in_place(database, Customers(), "C1", {"_id": "C1", "_position": 1})


def loan_in_an_order(chosen_by: int, *messages: Sent) -> Document:
    arriving = list(messages)
    Random(chosen_by).shuffle(arriving)
    found: Document = documents([running(), *arriving], names=["loan-accounts"])["loan-accounts"]["L1"]
    return found


@pytest.mark.parametrize("chosen_by", range(3))
def test_long_terms_and_plans_of_a_loan_do_not_add_up_in_any_order_of_arrival(chosen_by: int) -> None:
    found = loan_in_an_order(
        chosen_by,
        *(updated(at, f"{620 - at}.00", signed_loan_agreement_url=f"{at}{TEXT}") for at in range(70)),
        *(planned(at, *["1.00"] * (1 + at)) for at in range(70)),
    )
    assert str(found["balances"]["currentBalance"]) == "551.00"
    assert found["signedLoanAgreementUrl"] == f"69{TEXT}"
    assert len(found["repaymentSchedule"]["payments"]) == 70


@pytest.mark.parametrize("chosen_by", range(3))
def test_long_reports_of_an_instalment_do_not_add_up_in_any_order_of_arrival(chosen_by: int) -> None:
    ids = [str(each).zfill(200) for each in range(1_100)]
    reports = [
        instalment(at, 1, schedule_id="S1", status="PARTIAL", linked_transaction_ids=[*ids, str(at)])
        for at in range(1, 80)
    ]
    found = loan_in_an_order(chosen_by, planned(0, "310.00"), *reports)
    (payment,) = found["repaymentSchedule"]["payments"]
    assert payment["linkedTransactionIds"] == [*ids, "79"]


def test_the_daily_aging_of_a_loan_does_not_add_up() -> None:
    loan = On(LoanAccount, "L1")
    daily = [loan.update_aging(at=day, days_past_due=day, bucket="late_arrears") for day in range(100)]
    (document,) = given(LoanAccounts(), *daily).database["loan-accounts"].find()
    assert document["aging"]["daysPastDue"] == 99
    assert len(document[REPORTS]) == 1


def test_a_transaction_type_of_over_200_characters_is_not_read() -> None:
    found = loan_in_an_order(0, *(updated(at, f"{620 - at}.00", by=TEXT) for at in range(1, 80)))
    assert str(found["balances"]["currentBalance"]) == "541.00"

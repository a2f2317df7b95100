"""The search keys of documents: a pure function of their content, in any order of arrival."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given as having
from hypothesis import strategies as st

from app.aggregates import Conversation, Customer, LoanAccount
from app.projections.engine.faults import Cause, SetAside
from app.projections.read_models.conversations.read_model import Conversations
from app.projections.read_models.customers import Customers
from app.projections.read_models.loan_accounts.read_model import LoanAccounts
from app.projections.read_models.search_keys import (
    FIELD,
    LONGEST,
    names,
    search_keys,
    set_search_keys,
)
from app.projections.rebuild.differences import fields_that_differ
from tests.support.data.given import Step
from tests.support.data.projecting import Given, On, given

CUSTOMERS = Customers()

MARY = On(Customer, "CUS-900002")
LOAN = On(LoanAccount, "ACC-900003")
CHAT = On(Conversation, "V1")
NAMED = {"_id": "C1", "firstName": "Mary Anne", "lastName": "O'Brien", "preferredName": "Annie"}
ANYTHING = st.text(st.characters(exclude_categories=()), max_size=300)


def keys(state: Given, identifier: str) -> set[str]:
    """A document's keys."""
    document: Any = state.database[state._projection.name].find_one({"_id": identifier})
    return set(document.get(FIELD, []))


def test_a_customer_is_found_by_names_address_phone_and_id() -> None:
    step = MARY.report_details(
        first_name="Zoë",
        last_name="O'Brien",
        email_address="Zoe.OBrien@Mail.test",
        mobile_phone_number="+61 412 345 678",
    )
    assert keys(given(CUSTOMERS, step), "CUS-900002") == {
        *("nzoe obrien", "nobrien zoe", "nzoeobrien", "nobrienzoe", "ezoe.obrien@mail.test", "p0412345678"),
        *("ccus900002", "c900002"),
    }


def test_a_loan_account_is_found_by_number_and_id() -> None:
    state = given(LoanAccounts(), LOAN.open(customer_id="C1", account_number="LN 2026-000123"))
    assert keys(state, "ACC-900003") == {"cln2026000123", "c000123", "cacc900003", "c900003"}


def test_a_conversation_is_found_by_its_application() -> None:
    state = given(Conversations(), CHAT.start(application_number="APP-77"))
    assert keys(state, "V1") == {"capp77"}
    state.when(CHAT.change_application(at=5, application_number="APP-781"))
    assert keys(state, "V1") == {"capp781", "c781"}, "what is not so any more has no key"


def test_a_conversation_without_an_application_has_no_keys() -> None:
    assert (
        keys(given(Conversations(), CHAT.add_utterance(username="customer", utterance="hi")), "V1") == set()
    )


def reports() -> list[Step]:
    return [
        MARY.report_details(at=1, first_name="Ann", last_name="Lee", email_address="old@mail.test"),
        MARY.report_details(at=2, last_name="Smith", mobile_phone_number="0412 345 678"),
        MARY.report_details(at=3, email_address="new@mail.test", preferred_name="Annie"),
    ]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_keys_are_the_same_in_any_order_and_with_repetitions(order: tuple[int, ...]) -> None:
    steps = reports()
    state = given(CUSTOMERS)
    for index in order:
        state.when(steps[index])
    state.when(*steps)
    assert keys(state, "CUS-900002") == {
        *("nann smith", "nsmith ann", "nannie smith", "enew@mail.test", "p0412345678"),
        *("nannsmith", "nsmithann", "nanniesmith", "ccus900002", "c900002"),
    }


def test_every_name_may_come_first() -> None:
    assert names(NAMED) == [
        *("mary anne obrien", "obrien mary anne", "annie obrien"),
        *("anne obrien mary", "mary obrien"),
        *("maryanneobrien", "obrienmaryanne", "annieobrien", "maryobrien"),
    ]
    assert names({"fullName": "Ann van der Berg"})[:2] == ["ann van der berg", "van der berg ann"]
    assert names({"firstName": "Cher"}) == ["cher"]
    assert names({}) == []


def test_a_document_that_holds_nothing_has_no_keys() -> None:
    aside = SetAside(Cause.EVOLVE_FAILED, 7, "Customer.NameChanged", "KeyError").stamp(None) | {"_id": "C1"}
    set_search_keys("customers", aside)
    assert FIELD not in aside


def test_clearing_the_fields_clears_the_keys() -> None:
    document = NAMED | {"emailAddress": "a@b.test", "mobilePhoneNumber": "0412345678"}
    set_search_keys("customers", document)
    assert len(document[FIELD]) == 12
    cleared = {name: document[name] for name in ("_id", FIELD)}
    set_search_keys("customers", cleared)
    assert cleared[FIELD] == ["cc1"]


def test_verification_compares_keys_and_ignores_stamps() -> None:
    one, other = {"_id": "C1", "_position": 1, FIELD: ["cc1"]}, {"_id": "C1", "_position": 2}
    assert [each.path for each in fields_that_differ(one, other)] == [FIELD]
    assert fields_that_differ(one, {**other, FIELD: ["cc1"]}) == []


@having(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("firstName", "lastName", "preferredName"), ANYTHING))
)
def test_keys_of_any_text_are_few_short_and_can_be_stored(texts: dict[str, str]) -> None:
    found = search_keys("customers", {"_id": "C1", "emailAddress": "".join(texts.values()), **texts})
    assert len(found) <= 25
    for key in found:
        assert key.encode("utf-8")
        assert len(key) <= LONGEST + 1
    assert found == sorted(set(found))

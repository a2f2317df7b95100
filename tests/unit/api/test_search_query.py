"""What a question may mean, and how well a document answers it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.search.query import Fit, Match, SearchQuery
from app.projections.read_models.search_keys import KeyKind, search_keys

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=100)
ANN: dict[str, Any] = {
    "_id": "CUS-900002",
    "firstName": "Ann Marie",
    "lastName": "Østergård",
    "fullName": "Ann Marie Østergård",
    "preferredName": "Nan",
    "emailAddress": "ann.o@mail.test",
    "mobilePhoneNumber": "0412 345 678",
}
LOAN = {"_id": "ACC-900003", "accountNumber": "LN-700"}


def match(text: str, document: dict[str, Any] = ANN, collection: str = "customers") -> Match | None:
    query = SearchQuery.of(text)
    assert query is not None
    fit = query.fit(collection, search_keys(collection, document))
    return None if fit is None else query.match(collection, document, fit)


@pytest.mark.parametrize(
    ("text", "fit", "field"),
    [
        ("cus-900002", Fit.EXACT, "_id"),
        ("CUS 900 002", Fit.EXACT, "_id"),
        ("900002", Fit.NAME, "_id"),
        ("9000", Fit.PREFIX, "_id"),
        ("cus9", Fit.PREFIX, "_id"),
        ("ANN.O@mail.test", Fit.EXACT, "emailAddress"),
        ("ann.o", Fit.NAME, "emailAddress"),
        ("ann.o@ma", Fit.PREFIX, "emailAddress"),
        ("+61 412 345 678", Fit.EXACT, "mobilePhoneNumber"),
        ("(0412) 345", Fit.PREFIX, "mobilePhoneNumber"),
        ("ann marie ostergard", Fit.NAME, "fullName"),
        ("ØSTERGÅRD, Ann Marie", Fit.NAME, "fullName"),
        ("nan ostergard", Fit.NAME, "preferredName"),
        ("ann ostergard", Fit.NAME, "fullName"),
        ("ostergard", Fit.WORD, "fullName"),
        ("marie", Fit.WORD, "fullName"),
        ("oster", Fit.PREFIX, "fullName"),
        ("ma oster", Fit.WORDS, "fullName"),
        ("oster 0412", Fit.WORDS, "fullName"),
    ],
)
def test_a_customer_match_is_ranked(text: str, fit: Fit, field: str) -> None:
    assert match(text) == Match(fit, field)


@pytest.mark.parametrize("text", ["stergard", "ann bob", "cus", "0412 345 679", "ann.o@nail", "$gt", "..nn."])
def test_an_unrelated_query_does_not_match_a_customer(text: str) -> None:
    query = SearchQuery.of(text)
    assert query is None or match(text) is None


def test_an_account_match_is_ranked() -> None:
    for text, expected in {
        "LN 700": Match(Fit.EXACT, "accountNumber"),
        "acc-900003": Match(Fit.EXACT, "_id"),
        "900003": Match(Fit.NAME, "_id"),
        "700": Match(Fit.NAME, "accountNumber"),
    }.items():
        assert match(text, LOAN, "loan-accounts") == expected, text


@pytest.mark.parametrize("text", ["", "a", "a1", " 1 b ", "-- --", "\0\0\0", "\ud800\ud800", "$$$", "é"])
def test_too_little_to_look_for(text: str) -> None:
    assert SearchQuery.of(text) is None


def test_an_impossible_key_is_not_searched() -> None:
    assert kinds("ann lee") == {KeyKind.NAME}
    assert kinds("ann") == {KeyKind.NAME, KeyKind.EMAIL}
    assert kinds("0412 345 678") == {KeyKind.PHONE, KeyKind.CODE}
    assert kinds("CUS-1") == {KeyKind.CODE, KeyKind.EMAIL}


def kinds(text: str) -> set[KeyKind]:
    query = SearchQuery.of(text)
    assert query is not None
    return {each.kind for each in query.prefixes("customers")}


@given(ANYTHING)
def test_any_query_is_one_interval_of_plain_strings_per_kind(text: str) -> None:
    if (query := SearchQuery.of(text)) is not None:
        for prefix in query.prefixes("customers"):
            interval = prefix.interval
            assert set(interval) == {"$gte", "$lt"}
            assert interval["$gte"].encode("utf-8") < interval["$lt"].encode("utf-8")
            assert interval["$gte"].startswith(prefix.kind)
        assert len(list(query.single_words())) <= 3


@given(st.sampled_from(["ann", "marie", "ostergard"]), st.data())
def test_any_beginning_of_a_name_is_answered(name: str, data: st.DataObject) -> None:
    assert match(name[: data.draw(st.integers(3, len(name)))]) is not None

"""People are found by the names that a caller says (issue 17, kind 10)."""

import pytest

from app.api.search.query import SearchQuery
from app.projections.read_models.search_keys import search_keys


def is_found(query: str, **customer: str) -> bool:
    """Whether the query finds the customer."""
    read = SearchQuery.of(query)
    keys = search_keys("customers", {"_id": "C1", **customer})
    return read is not None and read.fit("customers", keys) is not None


WANG = {"firstName": "小明", "lastName": "王", "fullName": "小明 王"}
KIM = {"firstName": "민수", "lastName": "김", "fullName": "민수 김"}
DWYER = {"firstName": "Mary", "lastName": "O'Dwyer", "fullName": "Mary O'Dwyer"}
DWYER_APART = {"firstName": "Mary", "lastName": "O Dwyer", "fullName": "Mary O Dwyer"}
SOUZA = {"firstName": "Maria", "lastName": "De Souza", "fullName": "Maria De Souza"}
SOUZA_TOGETHER = {"firstName": "Maria", "lastName": "DeSouza", "fullName": "Maria DeSouza"}
JANE = {"firstName": "Mary-Jane", "lastName": "Lee", "fullName": "Mary-Jane Lee"}
NG = {"firstName": "Minh", "lastName": "Ng", "fullName": "Minh Ng"}


@pytest.mark.parametrize("query", ["小明", "王小明", "小明王", "王 小明", "小明 王"])
def test_family_and_given_name_are_written_together_either_way_round(query: str) -> None:
    assert is_found(query, **WANG)
    assert is_found(query, fullName="王小明"), "a name without parts"


@pytest.mark.parametrize("query", ["민수", "김민수", "민수김", "김 민수"])
def test_korean_syllables_are_letters(query: str) -> None:
    assert is_found(query, **KIM)
    assert is_found(query, fullName="김민수")


def test_two_letters_are_a_name() -> None:
    assert is_found("李明", firstName="明", lastName="李", fullName="明 李")
    assert is_found("ng", **NG)
    assert is_found("Ng Minh", **NG)
    assert is_found("ng", fullName="Minh Van Ng")


@pytest.mark.parametrize("query", ["O Dwyer", "o'dwyer", "ODwyer", "mary o dwyer", "o dwyer mary"])
def test_o_dwyer(query: str) -> None:
    assert is_found(query, **DWYER)
    assert is_found(query, **DWYER_APART)


@pytest.mark.parametrize("query", ["DeSouza", "de souza", "maria desouza", "desouza maria", "De Souza Maria"])
def test_de_souza(query: str) -> None:
    assert is_found(query, **SOUZA)
    assert is_found(query, **SOUZA_TOGETHER)


@pytest.mark.parametrize("query", ["maryjane", "mary jane", "Mary-Jane Lee", "maryjane lee", "lee maryjane"])
def test_mary_jane(query: str) -> None:
    assert is_found(query, **JANE)


@pytest.mark.parametrize("query", ["n", "王", "o1"])
def test_one_letter_or_two_with_a_digit_are_too_few(query: str) -> None:
    assert SearchQuery.of(query) is None


def test_other_names_are_not_found() -> None:
    assert not is_found("王小红", **WANG)
    assert not is_found("desouse", **SOUZA)
    assert not is_found("o dwyar", **DWYER)

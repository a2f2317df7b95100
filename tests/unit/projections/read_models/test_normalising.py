"""What people type, and what is stored, become the same text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.projections.read_models.search_keys import (
    LONGEST,
    code,
    email,
    fold,
    phone,
    phone_prefixes,
    words,
)

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=150)
"""Lone surrogates and NUL too."""
NATIONAL = st.from_regex(r"[23478][0-9]{8}", fullmatch=True)
SEPARATORS = st.sampled_from(["", " ", "-", ".", " - ", "\u00a0"])


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("José", "jose"),
        ("JOSE\u0301", "jose"),
        ("Østergård", "ostergard"),
        ("Straße", "strasse"),
        ("Łukasz Æther", "lukasz aether"),
        ("ＡＮＮ", "ann"),
        ("İstanbul", "istanbul"),
        ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
        ("ﬁne", "fine"),
    ],
)
def test_case_and_accents_do_not_matter(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(ANYTHING)
def test_normalising_is_idempotent(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert words(" ".join(words(text))) == words(text)
    assert code(code(text)) == code(text)
    assert email(email(text)) == email(text)


@given(ANYTHING)
def test_keys_can_be_stored_and_are_bounded(text: str) -> None:
    for key in (*words(text), code(text), email(text), phone(text), *phone_prefixes(text)):
        assert "\0" not in key
        assert key.encode("utf-8").decode("utf-8") == key
    assert max(map(len, (code(text), email(text), phone(text)))) <= LONGEST


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mary-Anne O'Brien", ["mary", "anne", "obrien"]),
        ("  d’Arcy,\tJosé ", ["darcy", "jose"]),
        ("a.b_c@mail.test", ["a", "b", "c", "mail", "test"]),
        ("$gt\0{$ne: 1}", ["gt", "ne", "1"]),
        ("\ud800", []),
        ("...", []),
    ],
)
def test_names_are_split_into_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_a_code_has_no_separators() -> None:
    assert code("ACC-900 002") == code("acc900002") == "acc900002"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("+61 412 345 678", "0412345678"),
        ("(+61) 412345678", "0412345678"),
        ("0061 (0)412 345 678", "0412345678"),
        ("0011 61 412 345 678", "0412345678"),
        ("61412345678", "0412345678"),
        ("412345678", "0412345678"),
        ("(02) 9876 5432", "0298765432"),
        ("٠٤١٢٣٤٥٦٧٨", "0412345678"),
        ("+64 21 123 456", "6421123456"),
        ("1300 123 456", "1300123456"),
        ("", ""),
        ("+", ""),
        ("unknown", ""),
    ],
)
def test_phone_numbers(text: str, key: str) -> None:
    assert phone(text) == key


@given(NATIONAL, st.sampled_from(["0", "+61", "+61 0", "+61(0)", "0061", "001161", "61", ""]), st.data())
def test_any_form_of_a_number_is_the_same(national: str, before: str, data: st.DataObject) -> None:
    written = before + "".join(data.draw(SEPARATORS) + digit for digit in national)
    assert phone(written) == f"0{national}"


@given(NATIONAL, st.sampled_from(["0", "+61", "61", ""]), st.integers(3, 9))
def test_a_number_is_found_by_its_prefix_in_any_format(national: str, before: str, length: int) -> None:
    beginnings = phone_prefixes((before + national)[:length])
    assert any(f"0{national}".startswith(each) for each in beginnings)

"""What claims say, in the ways of the issuers that there are."""

from typing import Any

import pytest

from app.api.auth.claims import claim_values, claims_with, is_machine_token, name_of


@pytest.mark.parametrize(
    ("name", "claims", "values"),
    [
        ("role", {"role": "admin"}, ["admin"]),
        ("role", {"role": ["a", "b"]}, ["a", "b"]),
        ("role", {}, []),
        ("role", {"role": None}, []),
        ("realm_access.roles", {"realm_access": {"roles": ["a"]}}, ["a"]),
        ("realm_access.roles", {"realm_access": ["roles"]}, []),
        ("realm_access.roles", {"realm_access": {}}, []),
        ("https://billie.test/roles", {"https://billie.test/roles": ["a"]}, ["a"]),
    ],
)
def test_a_claim_is_a_name_or_a_path_and_holds_one_or_many(
    name: str, claims: dict[str, Any], values: list[Any]
) -> None:
    assert claim_values(claims, name) == values


@pytest.mark.parametrize("name", ["role", "realm_access.roles", "a.b.c", "https://billie.test/roles"])
def test_a_claim_is_written_and_read_under_one_name(name: str) -> None:
    assert claim_values(claims_with(name, "admin"), name) == ["admin"]


@pytest.mark.parametrize(
    ("mark", "claims"),
    [
        (None, {"sub": "billing", "client_id": "billing"}),
        (None, {"sub": "billing", "cid": "billing"}),
        (None, {"sub": "billing@clients", "gty": "client-credentials"}),
        (None, {"sub": "0a1b", "idtyp": "app"}),
        (None, {"sub": "0a1b", "azp": "billing", "preferred_username": "service-account-billing"}),
        ("clientHost", {"sub": "0a1b", "clientHost": "10.0.0.1"}),
        ("kind=machine", {"sub": "billing", "kind": "machine"}),
        ("kind=machine", {"sub": "billing", "kind": ["internal", "machine"]}),
        ("ext.kind=machine", {"sub": "billing", "ext": {"kind": "machine"}}),
        ("robot", {"sub": "billing", "robot": True}),
    ],
)
def test_a_machine_is_recognised_by_its_claims(mark: str | None, claims: dict[str, Any]) -> None:
    assert is_machine_token(claims, mark)


@pytest.mark.parametrize(
    ("mark", "claims"),
    [
        (None, {"sub": "ann", "client_id": "console", "azp": "console", "preferred_username": "ann"}),
        (None, {"sub": "ann", "gty": "password", "idtyp": "user"}),
        ("clientHost", {"sub": "ann", "clientHost": ""}),
        ("kind=machine", {"sub": "ann", "kind": "person"}),
        ("robot", {"sub": "ann", "robot": False}),
    ],
)
def test_a_person_is_not_a_machine(mark: str | None, claims: dict[str, Any]) -> None:
    assert not is_machine_token(claims, mark)


def test_a_machine_without_a_name_has_its_clients() -> None:
    assert name_of({"sub": "0a1b", "azp": "billing"}, of_machine=True) == "billing"
    assert name_of({"sub": "ann", "azp": "console"}) is None, "a person is not called after what they use"
    assert name_of({"sub": "ann", "name": " Ann Lee "}) == "Ann Lee"
    assert name_of({"sub": "billing", "client_id": "billing", "name": ["x"]}, of_machine=True) is None
    assert len(name_of({"sub": "ann", "name": "A" * 9_000}) or "") == 200

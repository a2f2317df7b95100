"""Who counts as a person, and two ids as two of them."""

import pytest

from app.aggregates import are_two_people, is_machine, machine_id


def test_two_people_are_two() -> None:
    assert are_two_people("ann", "bob")
    assert not are_two_people("ann", " ANN")


@pytest.mark.parametrize(
    "machine", [machine_id("billing"), "Machine:billing", "ｍachine ：billing", "ma\u200bchine:x"]
)
def test_a_machine_is_no_person(machine: str) -> None:
    assert is_machine(machine)
    assert not are_two_people("ann", machine)
    assert not are_two_people(machine, "ann")
    assert not are_two_people(machine, machine_id("another"))


def test_a_person_may_be_called_after_a_machine() -> None:
    assert not is_machine("machinery")
    assert are_two_people("ann", "machinist")

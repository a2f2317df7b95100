"""The inner loop runs the tests that a change can break."""

import pytest

from tools.affected_tests import ALL, affected

DOCUMENTED, NOTES = (
    "tests/unit/test_documented.py",
    "tests/unit/projections/read_models/test_contact_notes.py",
)


def test_a_module_affects_the_tests_that_import_it_directly_or_not() -> None:
    found = affected({"app/aggregates/contact_note.py"})
    assert {NOTES, DOCUMENTED} <= set(found)
    assert NOTES not in affected({"app/api/money/routes.py"})


def test_a_test_affects_itself() -> None:
    assert NOTES in affected({NOTES})
    assert NOTES not in affected(set())


@pytest.mark.parametrize(
    "path", ["tests/conftest.py", "requirements.lock", "app/console/ui/templates/base.html"]
)
def test_fixtures_and_data_files_affect_every_test(path: str) -> None:
    assert affected({path}) == [ALL]

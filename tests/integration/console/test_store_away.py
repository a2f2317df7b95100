"""The event store fails during a posting or a decision: the screen does not report a failure."""

import pytest

from app.ledger.money.command_store import CommandStore
from app.projections.engine.reading import EventReader
from app.runtime.settings.settings import Settings
from tests.integration.console.test_approvals import WHY, ask
from tests.support.api.console import Visitor, fields_of
from tests.support.api.money import store_is_away

pytestmark = pytest.mark.usefixtures("no_faults")

REPAYMENT = "/loan-accounts/L1/repayment"


def test_a_posting_is_shown_as_posted_though_the_store_is_away(
    ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = fields_of(ann.part(REPAYMENT).text) | {"amount": "2", "paymentMethod": "cash"}
    sent = fields_of(ann.post(f"{REPAYMENT}/check", form).text)
    monkeypatch.setattr(CommandStore, "events", store_is_away)
    said = ann.post(REPAYMENT, sent)
    assert "Posted" in said.text
    assert "SBX-" in said.text
    assert "Outcome unknown" not in said.text


def test_an_intent_that_may_be_stored_is_shown_as_unknown(
    ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = fields_of(ann.part(REPAYMENT).text) | {"amount": "3", "paymentMethod": "cash"}
    sent = fields_of(ann.post(f"{REPAYMENT}/check", form).text)
    with monkeypatch.context() as patched:
        patched.setattr(CommandStore, "request", store_is_away)
        said = ann.post(REPAYMENT, sent).text
    assert "It may have been posted" in said
    assert "Nothing was posted" not in said
    assert "Posted" in ann.post(REPAYMENT, sent).text, "the same request"


def test_an_approved_write_off_is_not_reported_undecided(
    ann: Visitor, sue: Visitor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ask(ann, "L2", settings)
    with monkeypatch.context() as patched:
        patched.setattr(EventReader, "of", store_is_away)
        said = sue.post(f"{page}/approve", {"comment": WHY}).text
    assert "It may have been decided" in said
    assert "It is approved, and posted" in said
    assert "Nothing was decided" not in said
    assert "Posted" in sue.post(f"{page}/approve", {"comment": WHY}).text

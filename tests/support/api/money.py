"""What tests of money ask for, and how."""

from typing import Any, NamedTuple

import httpx
import pytest
from eventsourcing.persistence import OperationalError

from app.aggregates import LoanAccount
from app.api.auth.development_tokens import issue_token
from app.event_store.application import Servicing
from app.runtime.settings.settings import Settings
from tests.support.data.given import Step, absorb, message
from tests.support.waiting import LONG_S

REPAYMENT = {"amount": "150.00"}
KEY = {"Idempotency-Key": "intent-00000001"}
REPAYMENTS = "/v1/ledger/accounts/L1/repayments"
WRITE_OFF = {"loanAccountId": "L1", "amount": "420.00", "reason": "hardship"}
COMMENT = {"comment": "Seen the statements of three months."}


class Deadlines(NamedTuple):
    """How long the ledger may take, and after how long the settler takes a command for lost; in seconds."""

    read: float
    write: float
    settle_after: float


short_deadlines = pytest.mark.parametrize("deadlines", [Deadlines(0.5, 1.0, 2.0)], ids=["short"])
"""For a test that waits for a deadline, or for the settler."""


def store_is_away(*_: Any, **__: Any) -> Any:
    """In place of a method that asks the event store."""
    raise OperationalError


def client_of(url: str, settings: Settings, role: str = "operations", user: str = "ann") -> httpx.Client:
    token = issue_token(settings, user, role)
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=2 * LONG_S)


def open_account(settings: Settings, loan_account_id: str, **facts: Any) -> None:
    """As the stream tells of a loan account: into the event store, which is made where there is none."""
    opened = {"customer_id": "C1", "status": "ACTIVE", **facts}
    source = message(f"{loan_account_id} {facts}")
    servicing = Servicing.from_url(settings.event_store_url)
    try:
        absorb(servicing, [Step(LoanAccount, loan_account_id, "open", source, opened)])
    finally:
        servicing.close()

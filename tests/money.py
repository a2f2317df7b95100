"""What tests of money ask for, and how."""

import httpx

from app.api.auth import issue_token
from app.runtime.settings import Settings

REPAYMENT = {"amount": "150.00"}
KEY = {"Idempotency-Key": "intent-00000001"}
REPAYMENTS = "/v1/ledger/accounts/L1/repayments"


def client_of(url: str, settings: Settings, role: str = "operations", user: str = "ann") -> httpx.Client:
    token = issue_token(settings, user, role)
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

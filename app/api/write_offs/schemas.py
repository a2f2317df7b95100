"""Write-off requests over REST."""

from typing import Annotated

from pydantic import StringConstraints

from app.aggregates.write_offs.facts import WriteOffPriority, WriteOffReason
from app.api.http.request_fields import Amount, Body, Text
from app.api.ledger_commands.schemas import LedgerCommand
from app.projections.read_models.base import Model
from app.projections.read_models.write_off_requests.document import WriteOffRequestDocument


class WriteOffBody(Body):
    """What to write off, and why."""

    loan_account_id: Text
    amount: Amount
    reason: WriteOffReason
    notes: Annotated[str, StringConstraints(max_length=2_000)] | None = None
    priority: WriteOffPriority | None = None
    customer_id: Text | None = None
    customer_name: Text | None = None
    account_number: Text | None = None
    original_balance: Amount | None = None


class Approved(Model):
    """The request, and the money movement that posts it."""

    request: WriteOffRequestDocument
    command: LedgerCommand

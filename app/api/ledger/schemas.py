"""A page of an account's postings. The other answers are the ledger client's."""

from app.ledger.client.results import LedgerTransaction
from app.runtime.camel_model import CamelModel


class LedgerTransactions(CamelModel):
    """A page of an account's postings, newest first. `totalCount` counts all that match the filters.

    `next` is the address of the next page; absent on the last one.
    """

    loan_account_id: str
    items: list[LedgerTransaction]
    total_count: int
    next: str | None = None

"""What the sandbox ledger hears on the inbox stream: accounts opened, paid out, repaid."""

from decimal import Decimal
from threading import Event
from typing import Any

from redis import Redis

from app.ingestion.catalogue import Message, read_entry
from app.ingestion.messages.account import AccountCreated, AccountUpdated
from app.ingestion.unusable import Unusable
from app.ledger.sandbox.books import Books

_BLOCK_MS = 500


def listen(redis: Redis, stream: str, max_bytes: int, books: Books, stop: Event) -> None:
    """Follow the stream as a plain reader, beside the consumer group, until ``stop``."""
    position = books.progress(stream)
    while not stop.is_set():
        answer: Any = redis.xread({stream: position}, count=500, block=_BLOCK_MS)
        for _, entries in answer or ():
            for entry_id, fields in entries:
                hear(books, stream, entry_id, fields, max_bytes)
            position = entries[-1][0].decode()
            books.heard(stream, position)


def hear(books: Books, stream: str, entry_id: bytes, fields: dict[bytes, bytes], max_bytes: int) -> None:
    """Post what one entry tells. What ingestion sets aside is nothing to the ledger either."""
    try:
        message = read_entry(stream, entry_id, fields, max_bytes)
    except Unusable:
        return
    if message is None:
        return
    if isinstance(message.payload, AccountCreated):
        payload = message.payload
        books.open_account(
            payload.account_id, payload.loan_amount or Decimal(0), payload.loan_fee or Decimal(0)
        )
    elif isinstance(message.payload, AccountUpdated) and message.payload.current_balance is not None:
        _balance_told(books, message, message.payload)


def _balance_told(books: Books, message: Message, update: AccountUpdated) -> None:
    """The first balance pays the loan out; one that fell was repaid, fees first."""
    agreed = books.agreed(update.account_id)
    if agreed is None or update.current_balance is None:
        return
    reference, at, account = message.envelope.source.message_id, message.envelope.source.at, update.account_id
    if not books.postings(account):
        principal, fee = agreed
        books.post(reference, account, "DISBURSEMENT", at, principal, Decimal(0))
        books.post(reference, account, "ESTABLISHMENT_FEE", at, Decimal(0), fee)
    principal, fee = books.balance(account)
    repaid = principal + fee - update.current_balance
    if repaid > 0:
        to_fees = min(fee, repaid)
        books.post(reference, account, "REPAYMENT", at, to_fees - repaid, -to_fees)

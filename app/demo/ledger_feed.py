"""What the sandbox ledger hears on the inbox stream: accounts opened, paid out, repaid, closed elsewhere."""

from collections.abc import Iterator
from decimal import Decimal
from threading import Event
from typing import Any

from redis import Redis

from app.ingestion.messages.accounts import AccountClosed, AccountCreated, AccountUpdated, ScheduleCreated
from app.ingestion.messages.catalogue import Message, read_entry
from app.ingestion.messages.parsers import NO_PARSERS, Parsers
from app.ingestion.messages.rejection import RejectedError
from app.ledger.sandbox.books import Books
from app.ledger.sandbox.feed import Fact, Heard, Schedule
from app.ledger.sandbox.loans import Balance, Instalment, Opened

_BLOCK_MS = 500
_NOTHING = Decimal("0.00")
_CLOSING_CAUSE = {"WRITTEN_OFF": "WRITE_OFF", "ADMIN_CLOSED": "ADJUSTMENT"}


def listen(
    redis: Redis, stream: str, max_bytes: int, books: Books, stop: Event, parsers: Parsers = NO_PARSERS
) -> None:
    """Follow the stream as a plain reader, beside the consumer group, until ``stop``. Raises RedisError."""
    position = books.progress(stream)
    while not stop.is_set():
        answer: Any = redis.xread({stream: position}, count=500, block=_BLOCK_MS)
        for _, entries in answer or ():
            position = entries[-1][0].decode()
            read = (read_facts(stream, entry_id, fields, max_bytes, parsers) for entry_id, fields in entries)
            books.hear([each for each in read if each is not None], stream=stream, position=position)


def read_facts(
    stream: str, entry_id: bytes, fields: dict[bytes, bytes], max_bytes: int, parsers: Parsers = NO_PARSERS
) -> Heard | None:
    """What one entry reports to a ledger. A ledger ignores entries that ingestion rejects."""
    try:
        message = read_entry(stream, entry_id, fields, max_bytes, parsers)
    except RejectedError:
        return None
    if message is None:
        return None
    facts = tuple(_facts(message))
    source = message.envelope.source
    return Heard(source.message_id, source.at, facts) if facts else None


def _facts(message: Message) -> Iterator[Fact]:
    match message.payload:
        case AccountCreated() as created:
            yield Opened(
                created.account_id,
                created.loan_amount,
                created.loan_fee or _NOTHING,
                created.customer_id,
                created.account_number or "",
                message.envelope.application or "",
            )
            if created.current_balance:
                yield Balance(created.account_id, created.current_balance)
        case AccountUpdated(account_id=account, current_balance=Decimal() as owed) as update:
            yield Balance(account, owed, update.triggered_by_transaction_type)
        case AccountClosed(account_id=account, closure_reason=reason):
            # The final balance of the message does not count: nothing is owed on a closed loan.
            closes_as = reason or "PAID_OFF"
            yield Balance(account, _NOTHING, _CLOSING_CAUSE.get(closes_as, "REPAYMENT"), closes_as)
        case ScheduleCreated() as made:
            instalments = tuple(
                Instalment(
                    each.payment_number,
                    each.due_date.isoformat() if each.due_date else "",
                    each.amount or _NOTHING,
                    _NOTHING,
                )
                for each in made.payments
            )
            yield Schedule(made.account_id, made.schedule_id, instalments)

"""Announces on the inbox stream what callers posted, as the ledger's owners would."""

import json
import logging
from collections.abc import Iterator
from threading import Event
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from app.ledger.sandbox.books import Books
from app.ledger.sandbox.loans import UPSTREAM, Kind, Loan, Posting, closes_as, text, total
from app.runtime.servers.back_off import BackOff

log = logging.getLogger(__name__)

Entry = dict[str, str]

AGENT = "ledger-sandbox"
"""The publisher, as its entries name it."""

ANNOUNCED = "announced"
"""The name of this progress, beside those of the streams."""


def announcements(loan: Loan, posted: Posting) -> Iterator[Entry]:
    """The account's new balance, its instalments, and its closing; nothing for postings from the stream.

    Each entry's ``event_id`` derives from the posting's: however often it is published, it is absorbed once.
    A balance comes without a status: the ledger does not know whether an account is in arrears.
    """
    if posted.created_by == UPSTREAM:
        return
    day = posted.effective_date
    update: dict[str, Any] = {
        "account_id": posted.loan_account_id,
        "current_balance": text(posted.total_after),
        "triggered_by_transaction_type": posted.kind.value,
        "triggered_by_transaction_id": posted.transaction_id,
    }
    if posted.kind is Kind.REPAYMENT:
        paid = posted.overpayment - posted.total_delta
        update |= {"last_payment_date": day, "last_payment_amount": text(paid)}
    yield _entry("account.updated.v1", posted, "", update)
    if posted.allocations:
        yield _entry("account.schedule.updated.v1", posted, ".schedule", _schedule_update(loan, posted))
    if posted.total_after == 0:
        closure = {
            "account_id": posted.loan_account_id,
            "closure_reason": closes_as(posted.kind),
            "final_balance": text(posted.total_after),
            "total_paid": text(-total(loan.postings, Kind.REPAYMENT)),
            "loan_total_payable": text(total(loan.postings, Kind.DISBURSEMENT, Kind.ESTABLISHMENT_FEE)),
            "closed_date": day,
            "triggered_by_transaction_id": posted.transaction_id,
        }
        yield _entry("account.closed.v1", posted, ".closed", closure)


def _schedule_update(loan: Loan, posted: Posting) -> dict[str, Any]:
    payers = {each.payment_number: each.transactions for each in loan.instalments}
    return {
        "account_id": posted.loan_account_id,
        "schedule_id": posted.schedule_id,
        "payments": [
            {
                "payment_number": each.payment_number,
                "status": each.instalment_status,
                "paid_date": posted.effective_date,
                "amount_paid": text(each.scheduled_amount - each.amount_remaining),
                "amount_remaining": text(each.amount_remaining),
                # As of this posting: later ones may have paid it too.
                "linked_transaction_ids": [
                    payer for payer in payers.get(each.payment_number, ()) if payer <= posted.transaction_id
                ],
                "last_updated": posted.created_at.isoformat(),
            }
            for each in sorted(posted.allocations, key=lambda each: each.payment_number)
        ],
    }


def _entry(kind: str, posted: Posting, suffix: str, payload: dict[str, Any]) -> Entry:
    # The time is in the payload too: it decides which of two reports of a balance is newer.
    at = posted.created_at.isoformat()
    return {
        "event_type": kind,
        "event_id": f"{posted.event_id}{suffix}",
        "payload": json.dumps(payload | {"timestamp": at}),
        "timestamp": at,
        "agt": AGENT,
        "rec": '["billie-srv"]',
        "cls": "msg",
    }


class Publisher:
    """Publishes in the order of posting, at least once: a crash may repeat some, with the same identity."""

    def __init__(self, books: Books, redis: Redis, stream: str) -> None:
        self._books, self._redis, self._stream = books, redis, stream

    def publish(self) -> int:
        """Publish what is not announced yet, and return how many entries that were. Raises RedisError."""
        count = 0
        while batch := self._books.postings_after(int(self._books.progress(ANNOUNCED))):
            pipeline = self._redis.pipeline(transaction=True)
            for posted in batch:
                for entry in announcements(self._books.loan(posted.loan_account_id), posted):
                    pipeline.xadd(self._stream, entry)  # type: ignore[arg-type]
                    count += 1
            pipeline.execute()
            self._books.note_progress(ANNOUNCED, str(batch[-1].number))
        return count

    def run(self, stop: Event) -> None:
        """Publish as postings come. After ``stop``, wake the books: it tries once more, and returns."""
        back_off = BackOff(stop, "announcements")
        while True:
            ends, seen = stop.is_set(), self._books.version
            try:
                self.publish()
            except RedisError as error:
                if ends:
                    log.warning("Stopped before all postings were announced; the next start continues")
                    return
                back_off.failed(error)
            else:
                back_off.went_well()
                if ends:
                    return
                # Noting what is announced is a change too: one more look, then this waits for a posting.
                self._books.wait_beyond(seen, stop.is_set)

"""Write-offs by two people: requested by one, approved by another, and posted by that approval only.

The approval and the intent to post are stored in one transaction, under a key derived from the request: a
crash, a retry, or two simultaneous approvers post once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Unpack
from uuid import uuid5

from app.aggregates import (
    Actor,
    CommandKind,
    Intent,
    LedgerCommand,
    Limits,
    LoanAccount,
    Source,
    WriteOffRegister,
    WriteOffRequest,
    command_id_of,
    same_person,
)
from app.aggregates.base import NAMESPACE
from app.aggregates.two_people import AlreadyDecidedError
from app.aggregates.write_offs.facts import RequestFacts
from app.errors import NotFoundError
from app.event_store.unit_of_work import UnitOfWork
from app.ledger.money.command_store import said
from app.ledger.money.movements import Answer, Money
from app.runtime.servers.store_threads import in_thread

OWN_KEYS = "write-off-"
"""The prefix of write-offs' idempotency keys, which a caller's may not have."""
_LONGEST_IN_A_KEY = 100
"""Upstream's ids may be longer than a key may be."""


@dataclass(frozen=True)
class Approval(Answer):
    """The command that posts a write-off, and the approved request, as they are now."""

    request: WriteOffRequest


def write_off_key(request_id: str) -> str:
    """The idempotency key of the posting: one for a request, for ever."""
    simple = len(request_id) <= _LONGEST_IN_A_KEY and request_id.isascii() and request_id.isprintable()
    return f"{OWN_KEYS}{request_id if simple else uuid5(NAMESPACE, request_id)}"


class WriteOffs:
    """Write-off requests, and the decisions on them.

    All methods raise NotFoundError, RefusedError, and one of EVENT_STORE_ERRORS.
    """

    def __init__(self, money: Money, limits: Limits) -> None:
        """``limits``: what each role may approve."""
        self._money = money
        self._limits = limits

    async def request(
        self, request_id: str, actor: Actor, **asked: Unpack[RequestFacts]
    ) -> tuple[WriteOffRequest, bool]:
        """Ask for a write-off. Returns the request, and whether it was made before, with the same content.

        ``asked``: as :meth:`WriteOffRequest.request`. Raises IdempotencyKeyReusedError for a taken id.
        """
        loan_account_id = asked["loan_account_id"]

        def store(unit: UnitOfWork) -> tuple[WriteOffRequest, bool]:
            source = _said(request_id, "requested")
            request = unit.obtain(WriteOffRequest, request_id, source)
            if request.is_made_by(actor, **asked):
                return request, True
            account = self._money.store.find(LoanAccount, loan_account_id)
            if account is None:
                raise NotFoundError("loan account", loan_account_id)
            register = unit.obtain(WriteOffRegister, loan_account_id, source)
            register.check_may_ask(account, lambda each: unit.obtain(WriteOffRequest, each, source))
            request.request(source, requested_by=actor.id, requested_by_name=actor.name, **asked)
            register.enter(source, request_id=request_id)
            return request, False

        return await in_thread(self._money.store.change, store)

    async def approve(self, request_id: str, actor: Actor, comment: str) -> Approval:
        """Approve it, and have the ledger post it; if this person approved it before, the outcome.

        Raises LedgerError before anything is stored: what is owed has to be known.
        """
        key = write_off_key(request_id)
        command_id = command_id_of(key)
        known = await in_thread(self._money.store.load, command_id)
        owed = None if known is not None else await self._owed(request_id)

        def store(unit: UnitOfWork) -> tuple[WriteOffRequest, LedgerCommand, bool]:
            request, asked = _existing(unit, request_id)
            if known is not None and _is_approval_by(actor, known, request_id):
                return request, known, False
            source = _said(request_id, "approved")
            request.approve(source, actor=actor, limits=self._limits, owed=owed, comment=comment)
            command = unit.obtain(LedgerCommand, command_id, said(command_id, "requested"))
            if command.intent is not None:
                raise AlreadyDecidedError(f"The key {key} is in use.")
            intent = _intent(key, request_id, asked)
            command.request(said(command_id, "requested"), actor=actor, intent=intent)
            posting = WriteOffRequest.PostingFollowed(command_id=command_id, status="requested")
            request.follow_posting(_said(request_id, "posting"), event=posting)
            return request, command, True

        request, command, is_new = await in_thread(self._money.store.change, store)
        answer = await self._money.answer(command, is_new=is_new)
        return Approval(answer.command, answer.is_replay, request)

    async def reject(self, request_id: str, actor: Actor, comment: str) -> WriteOffRequest:
        """Reject another person's request."""
        source = _said(request_id, "rejected")
        return await self._decide(request_id, lambda each: each.reject(source, actor=actor, comment=comment))

    async def cancel(self, request_id: str, actor: Actor) -> WriteOffRequest:
        """Withdraw one's own request, while it is pending."""
        source = _said(request_id, "cancelled")
        return await self._decide(request_id, lambda each: each.cancel(source, actor=actor))

    async def _decide(self, request_id: str, decide: Callable[[WriteOffRequest], None]) -> WriteOffRequest:
        def store(unit: UnitOfWork) -> WriteOffRequest:
            request, _ = _existing(unit, request_id)
            decide(request)
            return request

        return await in_thread(self._money.store.change, store)

    async def _owed(self, request_id: str) -> Decimal:
        """What the ledger would write off: all that is owed, not the amount of the request."""
        await self._money.client.raise_if_down()
        request = await in_thread(self._money.store.find, WriteOffRequest, request_id)
        if request is None or request.asked is None:
            raise NotFoundError("write-off request", request_id)
        return (await self._money.client.get_balance(request.asked.loan_account_id)).total_outstanding


def _existing(unit: UnitOfWork, request_id: str) -> tuple[WriteOffRequest, WriteOffRequest.Requested]:
    request = unit.obtain(WriteOffRequest, request_id, _said(request_id, "looked for"))
    if request.asked is None:
        raise NotFoundError("write-off request", request_id)
    return request, request.asked


def _intent(key: str, request_id: str, asked: WriteOffRequest.Requested) -> Intent:
    return Intent(
        CommandKind.WRITE_OFF,
        asked.loan_account_id,
        key,
        amount=asked.amount,
        reason=asked.reason,
        details={
            "request_id": request_id,
            "requested_by": asked.requested_by,
            "requested_by_name": asked.requested_by_name,
        },
    )


def _is_approval_by(actor: Actor, command: LedgerCommand, request_id: str) -> bool:
    """Whether this command posts this request, by this person's approval."""
    asked = command.intent
    return (
        asked is not None
        and asked.kind == CommandKind.WRITE_OFF
        and (asked.details or {}).get("request_id") == request_id
        and same_person(asked.requested_by, actor.id)
    )


def _said(request_id: str, what: str) -> Source:
    return Source.said_now(f"write-off:{request_id}/{what}")

"""Write-offs by two people: asked for by one, approved by another, and posted by that approval only.

The approval and the intent to post are stored in one transaction, under a key that derives from the request:
so a crash, a retry, or two approvers at once post once.
"""

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
    Source,
    WriteOffRegister,
    WriteOffRequest,
    command_id_of,
    same_person,
)
from app.aggregates.base import NAMESPACE
from app.aggregates.two_people import AlreadyDecidedError
from app.aggregates.write_off_request import RequestFacts
from app.errors import NotFoundError
from app.event_store.unit_of_work import UnitOfWork
from app.ledger.money.command_store import said
from app.ledger.money.movements import Money
from app.runtime.servers.store_threads import in_thread

OWN_KEYS = "write-off-"
"""What the idempotency keys of write-offs begin with, and a caller's may not."""
_LONGEST_IN_A_KEY = 100
"""Upstream's ids may be longer than a ledger takes for a key."""


@dataclass(frozen=True)
class Approval:
    """An approved request, and the command that posts it, as they are now."""

    request: WriteOffRequest
    command: LedgerCommand
    is_replay: bool


def write_off_key(request_id: str) -> str:
    """The idempotency key of the posting: one for a request, for ever."""
    simple = len(request_id) <= _LONGEST_IN_A_KEY and request_id.isascii() and request_id.isprintable()
    return f"{OWN_KEYS}{request_id if simple else uuid5(NAMESPACE, request_id)}"


class WriteOffs:
    """What staff do with write-off requests. The limits by role are those of the settings, in AUD."""

    def __init__(self, money: Money, limits: Limits) -> None:
        self._money = money
        self._limits = limits

    async def request(
        self, request_id: str, actor: Actor, **asked: Unpack[RequestFacts]
    ) -> tuple[WriteOffRequest, bool]:
        """Ask for a write-off. Returns the request, and whether it was made before, with the same content.

        ``asked``: as :meth:`WriteOffRequest.request`. Raises NotFoundError, RefusedError where the
        account is closed or has one that is pending, or the id belongs to another request, and one of
        EVENT_STORE_ERRORS.
        """

        loan_account_id = asked["loan_account_id"]

        def store(unit: UnitOfWork) -> tuple[WriteOffRequest, bool]:
            source = _said(request_id, "requested")
            request = unit.obtain(WriteOffRequest, request_id, source)
            if request.is_made_by(actor, **asked):
                return request, True
            account = self._money.store.loan_account(loan_account_id)
            if account is None:
                raise NotFoundError("loan account", loan_account_id)
            register = unit.obtain(WriteOffRegister, loan_account_id, source)
            register.check_may_ask(account, lambda each: unit.obtain(WriteOffRequest, each, source))
            request.request(source, requested_by=actor.id, requested_by_name=actor.name, **asked)
            register.enter(source, request_id=request_id)
            return request, False

        return await in_thread(self._money.store.change, store)

    async def approve(self, request_id: str, actor: Actor, comment: str) -> Approval:
        """Approve it, and have the ledger post it; of one that this person approved before, tell the outcome.

        Raises NotFoundError, RefusedError, LedgerDownError (nothing was stored), and one of
        EVENT_STORE_ERRORS.
        """
        key = write_off_key(request_id)
        known = await in_thread(self._money.store.load, command_id_of(key))
        owed = None if known is not None else await self._owed(request_id)

        def store(unit: UnitOfWork) -> tuple[WriteOffRequest, LedgerCommand, bool]:
            request = self._existing(unit, request_id)
            asked = request.asked
            assert asked is not None
            source = _said(request_id, "approved")
            if known is not None and _posts(known, request_id) and same_person(_by(known), actor.id):
                return request, known, False
            request.approve(source, actor=actor, limits=self._limits, owed=owed, comment=comment)
            command = unit.obtain(LedgerCommand, command_id_of(key), said(command_id_of(key), "requested"))
            if command.intent is not None:
                raise AlreadyDecidedError(f"The key {key} is in use.")
            intent = Intent(
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
            command.request(said(intent.command_id, "requested"), actor=actor, intent=intent)
            request.follow_posting(
                _said(request_id, "posting"), command_id=intent.command_id, status="requested"
            )
            return request, command, True

        request, command, is_new = await in_thread(self._money.store.change, store)
        if is_new:
            command = await self._money.send(command, is_first=True)
        return Approval(request, command, is_replay=not is_new)

    async def reject(self, request_id: str, actor: Actor, comment: str) -> WriteOffRequest:
        """Raises as :meth:`approve` does, but that the ledger is not asked."""

        def store(unit: UnitOfWork) -> WriteOffRequest:
            request = self._existing(unit, request_id)
            request.reject(_said(request_id, "rejected"), actor=actor, comment=comment)
            return request

        return await in_thread(self._money.store.change, store)

    async def cancel(self, request_id: str, actor: Actor) -> WriteOffRequest:
        """Take back one's own request, while it is pending. Raises as :meth:`reject` does."""

        def store(unit: UnitOfWork) -> WriteOffRequest:
            request = self._existing(unit, request_id)
            request.cancel(_said(request_id, "cancelled"), actor=actor)
            return request

        return await in_thread(self._money.store.change, store)

    async def _owed(self, request_id: str) -> Decimal:
        """What the ledger would write off: all that is owed, whatever the request says.

        Raises NotFoundError, and LedgerError where the ledger does not tell.
        """
        await self._money.client.raise_if_down()
        request = await in_thread(self._money.store.write_off_request, request_id)
        if request is None or request.asked is None:
            raise NotFoundError("write-off request", request_id)
        return (await self._money.client.get_balance(request.asked.loan_account_id)).total

    def _existing(self, unit: UnitOfWork, request_id: str) -> WriteOffRequest:
        request = unit.obtain(WriteOffRequest, request_id, _said(request_id, "looked for"))
        if request.asked is None:
            raise NotFoundError("write-off request", request_id)
        return request


def _posts(command: LedgerCommand, request_id: str) -> bool:
    asked = command.intent
    return (
        asked is not None
        and asked.kind == CommandKind.WRITE_OFF
        and (asked.details or {}).get("request_id") == request_id
    )


def _by(command: LedgerCommand) -> str:
    return command.intent.requested_by if command.intent else ""


def _said(request_id: str, what: str) -> Source:
    return Source.said_now(f"write-off:{request_id}/{what}")

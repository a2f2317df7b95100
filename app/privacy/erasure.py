"""The erasure of a customer: refused while money is open, and then one transaction."""

from collections import Counter
from typing import Any, NamedTuple

from app.aggregates.base import Key, RememberingAggregate
from app.aggregates.contact_note import ContactNote
from app.aggregates.conversation import Conversation
from app.aggregates.customer import Customer
from app.aggregates.ledger_command import Actor, LedgerCommand
from app.aggregates.loan_account.account import LoanAccount
from app.aggregates.write_off_request import WriteOffRequest
from app.errors import BillieError, IdempotencyKeyReusedError, NotFoundError
from app.event_store.application import Servicing
from app.event_store.unit_of_work import UnitOfWork
from app.privacy.key_tables import Link
from app.privacy.seal_stored import link_stored
from app.privacy.sealed_store import erasure_of

_MOST_NAMED = 10
_OTHER_REASON = "The key belongs to this customer's erasure for another reason."
_KINDS: dict[str, type[RememberingAggregate]] = {
    kind.__name__: kind for kind in (LoanAccount, Conversation, ContactNote, WriteOffRequest, LedgerCommand)
}


class MoneyOpenError(BillieError):
    """The customer cannot be erased yet: names what is open."""

    status = 409
    code = "money_open"

    def __init__(self, accounts: list[str], requests: list[str], commands: list[str]) -> None:
        named = (
            ("open loan accounts", accounts),
            ("write-off requests that are not settled", requests),
            ("money movements that are not settled", commands),
        )
        parts = [f"{what}: {_listed(ids)}" for what, ids in named if ids]
        super().__init__(f"The customer has {'; '.join(parts)}. Settle these first.")
        self.accounts, self.requests, self.commands = accounts, requests, commands


class Erased(NamedTuple):
    """An erasure as it is recorded."""

    event: Customer.PersonalDataErased
    position: int
    """Of its last event."""
    is_replay: bool
    """It was made before."""
    keys: list[Key]
    """All that was erased with the customer, who is the first."""
    is_forgotten: bool
    """No removed bytes are left in the event store's files: others were not in the way of that."""


def erase_customer(
    servicing: Servicing, customer_id: str, actor: Actor, reason: str, key: str | None = None
) -> Erased:
    """Make the customer's personal data unreadable for ever, or tell of when that was done.

    It looks first through what was stored since the last erasure for links that an older release did not
    note. Asked for again, it erases what such a release has stored since, too.
    ``servicing`` must not cache. Raises NotFoundError, MoneyOpenError, IdempotencyKeyReusedError, and one of
    EVENT_STORE_ERRORS.
    """
    servicing.privacy.tables.create()
    link_stored(servicing)

    def store(unit: UnitOfWork) -> tuple[Any, bool]:
        known = servicing.load(Customer, customer_id)
        # By a chat or a loan alone, somebody may be known as well.
        if known is None and not servicing.privacy.tables.links_of([Customer.id_of(customer_id)]):
            raise NotFoundError("customer", customer_id)
        if known is not None and (erased := known.erased) is not None:
            if key is not None and erased.key == key and erased.reason != reason:
                raise IdempotencyKeyReusedError(_OTHER_REASON)
            _erase_late(servicing, unit, customer_id)
            return erased, True
        return _erase(servicing, unit, customer_id, by=actor, reason=reason, key=key), False

    (event, is_replay), position = servicing.change(store)
    # Also where it was done before: whoever did it may have died here.
    is_forgotten = servicing.privacy.tables.forget_log()
    position = position or _position_of(servicing, customer_id, event)
    return Erased(event, position, is_replay, _erased_with(servicing, customer_id), is_forgotten)


def _erased_with(servicing: Servicing, customer_id: str) -> list[Key]:
    keys = _linked(servicing, servicing.unit_of_work(), customer_id)
    loaded = servicing.load_many(keys)
    erased = [key for key in keys if _is_erased_with(loaded[key], customer_id)]
    return [(Customer, customer_id), *erased]


def _is_erased_with(aggregate: RememberingAggregate | None, customer_id: str) -> bool:
    erased = aggregate.erased if aggregate is not None else None
    return erased is not None and erased.erased_with == customer_id


def _position_of(servicing: Servicing, customer_id: str, event: Customer.PersonalDataErased) -> int:
    """Of an erasure's last event: those of what was erased with the customer follow the customer's own."""
    own = next(
        row.position
        for row in servicing.recorded_of([(Customer, customer_id)])
        if row.originator_version == event.originator_version
    )
    return own + sum((event.cleared or {}).values())


def _erase(
    servicing: Servicing, unit: UnitOfWork, customer_id: str, *, by: Actor, reason: str, key: str | None
) -> Any:
    source = erasure_of(customer_id)
    keys = _linked(servicing, unit, customer_id)
    unit.expect([(Customer, customer_id), *keys])
    customer = unit.obtain(Customer, customer_id, source)
    found = [unit.obtain(kind, name, source) for kind, name in keys]
    theirs = _theirs(found, customer_id)
    _refuse_open(theirs)
    cleared = Counter(type(each).__name__ for each in theirs)
    customer.erase(
        source,
        erased_with=customer_id,
        by=by.id,
        by_name=by.name,
        role=by.role,
        reason=reason,
        key=key,
        cleared=dict(sorted(cleared.items())),
    )
    for each in theirs:
        each.erase(source, erased_with=customer_id)
    return customer.erased


def _erase_late(servicing: Servicing, unit: UnitOfWork, customer_id: str) -> None:
    """What is theirs, and was not erased with them: only an older release stores such.

    Money that is under way keeps its words until it is settled, and is erased then.
    """
    source = erasure_of(customer_id)
    keys = _linked(servicing, unit, customer_id)
    unit.expect(keys)
    for each in _theirs([unit.obtain(kind, name, source) for kind, name in keys], customer_id):
        if not each.is_unsettled:
            each.erase(source, erased_with=customer_id)


def _linked(servicing: Servicing, unit: UnitOfWork, customer_id: str) -> list[Key]:
    """All that was ever linked to the customer, or to an account that was; the unit is bound to that."""
    tables = servicing.privacy.tables
    own = Customer.id_of(customer_id)
    direct = tables.links_of([own])
    accounts = [LoanAccount.id_of(each.business_id) for each in direct if each.kind == LoanAccount.__name__]
    further = tables.links_of(accounts)
    unit.links_seen = dict.fromkeys((own, *accounts), 0)
    for link in (*direct, *further):
        unit.links_seen[link.owner] += 1
    return list(dict.fromkeys(_key(each) for each in (*direct, *further)))


def _theirs(found: list[RememberingAggregate], customer_id: str) -> list[RememberingAggregate]:
    """Without what is somebody else's by now, or was erased before."""
    accounts = {each.business_id: each for each in found if isinstance(each, LoanAccount)}

    def is_theirs(each: RememberingAggregate) -> bool:
        match each:
            case LoanAccount() | Conversation():
                return each.customer_id == customer_id
            case WriteOffRequest(asked=asked):
                account = accounts.get(asked.loan_account_id) if asked else None
                names_them = asked is not None and asked.customer_id == customer_id
                return names_them or account is None or account.customer_id == customer_id
            case LedgerCommand(intent=intent):
                account = accounts.get(intent.loan_account_id) if intent else None
                return account is not None and account.customer_id == customer_id
        return True

    return [each for each in found if each.erased is None and is_theirs(each)]


def _refuse_open(found: list[RememberingAggregate]) -> None:
    accounts = [each.business_id for each in found if isinstance(each, LoanAccount) and each.is_open]
    requests = [each.business_id for each in found if isinstance(each, WriteOffRequest) and each.is_open]
    commands = [each.business_id for each in found if isinstance(each, LedgerCommand) and not each.is_settled]
    if accounts or requests or commands:
        raise MoneyOpenError(accounts, requests, commands)


def _listed(ids: list[str]) -> str:
    more = f" and {len(ids) - _MOST_NAMED:,} more" if len(ids) > _MOST_NAMED else ""
    return f"{', '.join(ids[:_MOST_NAMED])}{more}"


def _key(link: Link) -> Key:
    return _KINDS[link.kind], link.business_id

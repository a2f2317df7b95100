"""The erasure of a customer: refused while money is open, and otherwise one transaction."""

from collections import Counter
from typing import NamedTuple
from uuid import UUID

from app.aggregates import AGGREGATES
from app.aggregates.base import Aggregate, Key
from app.aggregates.conversation import Conversation
from app.aggregates.customer import Customer
from app.aggregates.ledger_command import LedgerCommand
from app.aggregates.loan_account.account import LoanAccount
from app.aggregates.two_people import Actor
from app.aggregates.write_offs.request import WriteOffRequest
from app.errors import BillieError, IdempotencyKeyReusedError, NotFoundError
from app.event_store.application import Servicing
from app.event_store.unit_of_work import UnitOfWork
from app.privacy.key_tables import KeyTables
from app.privacy.privacy import erasure_of

_KINDS: dict[str, type[Aggregate]] = {kind.__name__: kind for kind in AGGREGATES}
_MOST_NAMED = 10
_OTHER_REASON = "The key belongs to this customer's erasure for another reason."


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

    event: Aggregate.PersonalDataErased
    position: int
    """Of its last event."""
    is_replay: bool
    """Whether it was made before."""
    keys: list[Key]
    """All that was erased, the customer first."""
    is_purged: bool
    """Whether the destroyed keys are gone from the event store's files."""


def erase_customer(
    store: Servicing, customer_id: str, actor: Actor, reason: str, key: str | None = None
) -> Erased:
    """Make the customer's personal data unreadable for ever; asked again, say when that was done.

    Raises NotFoundError, MoneyOpenError, IdempotencyKeyReusedError, and one of EVENT_STORE_ERRORS.
    """

    def erase(unit: UnitOfWork) -> tuple[Aggregate.PersonalDataErased, bool]:
        known = store.load(Customer, customer_id)
        if known is None and not store.privacy.tables.links_of([Customer.id_of(customer_id)]):
            raise NotFoundError("customer", customer_id)
        if known is None or known.erased is None:
            return _erase(store, unit, customer_id, by=actor, reason=reason, key=key), False
        if key is not None and known.erased.key == key and known.erased.reason != reason:
            raise IdempotencyKeyReusedError(_OTHER_REASON)
        return known.erased, True

    (event, is_replay), position = store.change(erase)
    is_purged = store.privacy.tables.purge()  # A replay, too: the first one may have died before this.
    if position is None:  # The events of what was erased with the customer follow the customer's own.
        own = store.position_of((Customer, customer_id), event.originator_version)
        position = own + sum((event.cleared or {}).values())
    return Erased(event, position, is_replay, _erased_with(store, customer_id), is_purged)


def _erase(
    store: Servicing, unit: UnitOfWork, customer_id: str, *, by: Actor, reason: str, key: str | None
) -> Aggregate.PersonalDataErased:
    source = erasure_of(customer_id)
    keys, unit.known_links = _linked(store.privacy.tables, customer_id)
    unit.expect([(Customer, customer_id), *keys])
    customer = unit.obtain(Customer, customer_id, source)
    theirs = _theirs([unit.obtain(kind, name, source) for kind, name in keys], customer_id, store)
    _refuse_open(theirs)
    erasure = Customer.PersonalDataErased(
        erased_with=customer_id,
        by=by.id,
        by_name=by.name,
        role=by.role,
        reason=reason,
        key=key,
        cleared=dict(sorted(Counter(type(each).__name__ for each in theirs).items())),
    )
    customer.erase(source, erasure=erasure)
    for each in theirs:
        each.erase(source, erasure=each.PersonalDataErased(erased_with=customer_id))
    assert customer.erased is not None
    return customer.erased


def _erased_with(store: Servicing, customer_id: str) -> list[Key]:
    keys, _ = _linked(store.privacy.tables, customer_id)
    erased = [
        key
        for key, aggregate in store.load_many(keys).items()
        if aggregate is not None and aggregate.erased and aggregate.erased.erased_with == customer_id
    ]
    return [(Customer, customer_id), *erased]


def _linked(tables: KeyTables, customer_id: str) -> tuple[list[Key], dict[UUID, int]]:
    """All that was ever linked to the customer, or to one of their accounts; and the links per owner."""
    own = Customer.id_of(customer_id)
    direct = tables.links_of([own])
    accounts = [LoanAccount.id_of(each.business_id) for each in direct if each.kind == LoanAccount.__name__]
    links = [*direct, *tables.links_of(accounts)]
    counts = Counter(link.owner for link in links)
    keys = list(dict.fromkeys((_KINDS[each.kind], each.business_id) for each in links))
    return keys, {owner: counts[owner] for owner in (own, *accounts)}


def _theirs(found: list[Aggregate], customer_id: str, store: Servicing) -> list[Aggregate]:
    """Without what now belongs to another customer, or is already erased.

    A request belongs to the customer of its account; to the one that it names while the account names none.
    """
    asked = [each.asked.loan_account_id for each in found if isinstance(each, WriteOffRequest) and each.asked]
    accounts = store.load_many([(LoanAccount, each) for each in dict.fromkeys(asked)])
    owners = {
        each.business_id: each.customer_id for each in accounts.values() if isinstance(each, LoanAccount)
    }
    owners |= {each.business_id: each.customer_id for each in found if isinstance(each, LoanAccount)}

    def is_theirs(each: Aggregate) -> bool:
        match each:
            case LoanAccount() | Conversation():
                return each.customer_id == customer_id
            case WriteOffRequest(asked=asked):
                return (owners.get(asked.loan_account_id) if asked else None) in (None, customer_id)
            case LedgerCommand(intent=intent):
                return intent is not None and owners.get(intent.loan_account_id) == customer_id
        return True

    return [each for each in found if each.erased is None and is_theirs(each)]


def _refuse_open(found: list[Aggregate]) -> None:
    accounts = [each.business_id for each in found if isinstance(each, LoanAccount) and each.is_open]
    requests = [each.business_id for each in found if isinstance(each, WriteOffRequest) and each.is_open]
    commands = [each.business_id for each in found if isinstance(each, LedgerCommand) and not each.is_settled]
    if accounts or requests or commands:
        raise MoneyOpenError(accounts, requests, commands)


def _listed(ids: list[str]) -> str:
    more = f" and {len(ids) - _MOST_NAMED:,} more" if len(ids) > _MOST_NAMED else ""
    return f"{', '.join(ids[:_MOST_NAMED])}{more}"

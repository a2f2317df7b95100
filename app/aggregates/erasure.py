"""The erasure of a customer: refused while money is open, and then one transaction."""

from collections import Counter
from typing import Any, NamedTuple

from app.aggregates.application import Servicing, UnitOfWork
from app.aggregates.cache import Key
from app.aggregates.contact_note import ContactNote
from app.aggregates.conversation import Conversation
from app.aggregates.customer import Customer
from app.aggregates.key_tables import Link
from app.aggregates.ledger_command import Actor, LedgerCommand
from app.aggregates.loan_account import LoanAccount
from app.aggregates.privacy import erasure_of
from app.aggregates.remembering import RememberingAggregate
from app.aggregates.seal_stored import link_stored
from app.aggregates.write_off_request import WriteOffRequest

_KINDS: dict[str, type[RememberingAggregate]] = {
    kind.__name__: kind for kind in (LoanAccount, Conversation, ContactNote, WriteOffRequest, LedgerCommand)
}


class NoSuchCustomerError(Exception):
    """Nobody has heard of this customer."""


class MoneyOpenError(Exception):
    """The customer cannot be erased yet: names what is open."""

    def __init__(self, accounts: list[str], requests: list[str], commands: list[str]) -> None:
        super().__init__("money is open")
        self.accounts, self.requests, self.commands = accounts, requests, commands


class KeyReusedError(Exception):
    """The idempotency key belongs to this customer's erasure for another reason."""


class Erased(NamedTuple):
    """An erasure as it is recorded, the position of its last event, and whether it was made before."""

    event: Customer.PersonalDataErased
    position: int
    is_replay: bool


def erase_customer(
    servicing: Servicing, customer_id: str, actor: Actor, reason: str, key: str | None = None
) -> Erased:
    """Make the customer's personal data unreadable for ever, or tell of when that was done.

    In a store of before events were sealed, the first erasure looks through all events for what is whose.
    ``servicing`` must not cache. Raises NoSuchCustomerError, MoneyOpenError, KeyReusedError, and one of
    EVENT_STORE_ERRORS.
    """
    servicing.privacy.tables.create()
    link_stored(servicing)

    def store(unit: UnitOfWork) -> tuple[Any, bool]:
        known = servicing.load(Customer, customer_id)
        if known is None:
            raise NoSuchCustomerError(customer_id)
        if (erased := known.erased) is not None:
            if key is not None and erased.key == key and erased.reason != reason:
                raise KeyReusedError
            return erased, True
        return _erase(servicing, unit, customer_id, by=actor, reason=reason, key=key), False

    (event, is_replay), position = servicing.change(store)
    # Again where it was done before: whoever did it may have died here.
    servicing.privacy.tables.forget_log()
    return Erased(event, position or _position_of(servicing, customer_id, event), is_replay)


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


def _key(link: Link) -> Key:
    return _KINDS[link.kind], link.business_id

"""What a save of personal data takes: keys to seal with, links to owners, and erasures that are due."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.aggregates import AGGREGATES
from app.aggregates.base import Aggregate, Key, Source
from app.aggregates.loan_account.account import LoanAccount
from app.aggregates.personal import tells_personal
from app.aggregates.write_offs.request import WriteOffRequest
from app.privacy.data_keys import DataKeys
from app.privacy.key_tables import Changes, Database, KeyTables, Link
from app.privacy.master_keys import MasterKeys

LoadMany = Callable[[Collection[Key]], dict[Key, Aggregate | None]]

_KINDS: dict[str, type[Aggregate]] = {kind.__name__: kind for kind in AGGREGATES}


class Prepared(NamedTuple):
    """What to save: the aggregates, more of them perhaps, the keys to seal with, and the tables' changes."""

    aggregates: list[Aggregate]
    ciphers: dict[UUID, AESGCM]
    changes: Changes


class Privacy:
    """The keys of one store, and its links."""

    def __init__(self, database: Database, masters: MasterKeys, *, create: bool) -> None:
        """``create`` the tables where they are missing. Raises MasterKeyError."""
        self.tables = KeyTables(database)
        if create:
            self.tables.create()
        self.keys = DataKeys(self.tables, masters)

    def prepare(self, aggregates: Sequence[Aggregate], load_many: LoadMany) -> Prepared:
        """What the new events of aggregates take.

        An aggregate that they link to an erased customer is erased by one more event in the same save; one
        that money waits for, in the save that settles it.
        """
        changes = Changes(self.keys.tombstones)
        links = {aggregate.id: _links_in(aggregate) for aggregate in aggregates}
        changes.links = [link for each in links.values() for link in each]
        self._erase_linked(aggregates, links, changes, load_many)
        further = self._erase_asked_of_accounts(aggregates, load_many, changes)
        sealing = [
            aggregate.id
            for aggregate in aggregates
            if aggregate.erased is None and any(tells_personal(event) for event in aggregate.pending_events)
        ]
        ciphers, changes.keys = self.keys.to_write(sealing)
        return Prepared([*aggregates, *further], ciphers, changes)

    def saved(self, prepared: Prepared) -> None:
        """Keep the keys of what was saved, and forget those that it destroyed."""
        if prepared.changes.destroyed:
            self.keys.refresh()
        self.keys.keep(prepared.ciphers)

    def _erase_linked(
        self,
        aggregates: Sequence[Aggregate],
        links: dict[UUID, list[Link]],
        changes: Changes,
        load_many: LoadMany,
    ) -> None:
        """Erase what belongs to an erased customer; one aggregate may belong to another one among these."""
        waiting = [each for each in aggregates if each.id not in self.keys.erased]
        goes_on = True
        while goes_on:
            goes_on, left = False, []
            for each in waiting:
                owners = (*(link.owner for link in links[each.id]), *each.owners)
                customers = [found for owner in owners if (found := self._erased_with(owner, changes))]
                if isinstance(each, WriteOffRequest) and customers:
                    account = _account_of(each, aggregates, load_many)
                    # Whom the request names counts only while the account names nobody.
                    if account is not None and account.customer_id is not None:
                        found = self._erased_with(account.id, changes)
                        customers = [found] if found else []
                if customers and not each.is_unsettled:
                    erasure = each.PersonalDataErased(erased_with=customers[0])
                    each.erase(erasure_of(customers[0]), erasure=erasure)
                if each.erased is None:
                    left.append(each)
                else:
                    goes_on = True
                    changes.destroyed[each.id] = each.erased.erased_with
            waiting = left

    def _erased_with(self, owner: UUID, changes: Changes) -> str | None:
        return self.keys.erased.get(owner) or changes.destroyed.get(owner)

    def _erase_asked_of_accounts(
        self, aggregates: Sequence[Aggregate], load_many: LoadMany, changes: Changes
    ) -> list[Aggregate]:
        """Erase the commands of a loan account that turns out to belong to an erased customer.

        An unsettled command only records that it was concerned, so that a concurrent settlement conflicts.
        Returns what was loaded for that.
        """
        erased = {
            each.id: changes.destroyed[each.id]
            for each in aggregates
            if isinstance(each, LoanAccount) and each.id in changes.destroyed
        }
        if not erased:
            return []
        links = self.tables.links_of(list(erased))
        changes.known_links = {owner: sum(link.owner == owner for link in links) for owner in erased}
        known: dict[Key, Aggregate] = {(type(each), each.business_id): each for each in aggregates}
        keys = {(_KINDS[each.kind], each.business_id): erased[each.owner] for each in links}
        loaded = load_many([key for key in keys if key not in known])
        further = {key: found for key, found in loaded.items() if found is not None}
        for key, customer_id in keys.items():
            if (aggregate := known.get(key) or further.get(key)) is None:
                continue
            source = erasure_of(customer_id)
            if not aggregate.is_unsettled:
                aggregate.erase(source, erasure=aggregate.PersonalDataErased(erased_with=customer_id))
            elif source.message_id not in aggregate.absorbed:
                aggregate.record(source, aggregate.NothingNewReported())
            if aggregate.erased is not None and aggregate.id not in self.keys.erased:
                changes.destroyed[aggregate.id] = aggregate.erased.erased_with
        return list(further.values())


def erasure_of(customer_id: str) -> Source:
    """The message that an erasure counts as: one a customer."""
    return Source.said_now(f"erasure:{customer_id}")


def _account_of(
    request: WriteOffRequest, aggregates: Iterable[Aggregate], load_many: LoadMany
) -> LoanAccount | None:
    """The account of a request, as it is saved with it or stored."""
    if request.asked is None:
        return None
    name = request.asked.loan_account_id
    changed = [each for each in aggregates if isinstance(each, LoanAccount) and each.business_id == name]
    account = changed[0] if changed else load_many([(LoanAccount, name)]).get((LoanAccount, name))
    return account if isinstance(account, LoanAccount) else None


def _links_in(aggregate: Aggregate) -> list[Link]:
    kind = type(aggregate).__name__
    return [
        Link(owner, kind, aggregate.business_id)
        for event in aggregate.pending_events
        for owner in aggregate.owners_in(event)  # type: ignore[arg-type]
    ]

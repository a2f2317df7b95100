"""The read models of the past keep their promises in any order, with repetitions, in any batches.

``portfolio-daily`` and ``customer-timeline`` show the events as they were recorded, so:

- However often a message comes, and however messages and events are split into batches, they are the same.
- However the news of different accounts, chats and customers interleave, they are the same.
- In any order of arrival they are the same where the events are the same set. Of customers and chats they
  mostly are not: of two reports on one thing the older, arriving second, changes nothing.
- In any order at all, the newest day counts what ``loan-accounts`` hold now.

An entry's ``position`` is its place in the store, which another order or another batch changes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.aggregates import Conversation, Customer, LoanAccount
from app.aggregates.loan_account.events import LoanAccountEvents
from app.aggregates.loan_account.reports import Report, amount_of, insert, time_of
from app.aggregates.loan_account.standing import Standing, standing_after
from app.event_store.application import Servicing
from app.projections.engine.projector import Projector
from app.projections.read_models.calendar import BusinessCalendar
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings
from tests.support.data.given import Step, absorb
from tests.support.data.mock_mongo import Database
from tests.support.data.projecting import On
from tests.support.data.random_events import DAY, happenings, stored
from tests.support.observed import HISTORIES

PROJECTIONS = all_projections(Settings())
Histories = dict[str, dict[str, Any]]


def absorbed(messages: Iterable[Step], batches: Iterable[int]) -> Servicing:
    """A store of messages that came in batches of these sizes, and one by one after that."""
    servicing, waiting = Servicing.in_memory(), list(messages)
    for size in batches:
        absorb(servicing, waiting[:size])
        waiting = waiting[size:]
    for step in waiting:
        absorb(servicing, [step])
    return servicing


def folded(servicing: Servicing, name: str, batch: int = 1_000) -> dict[str, Any]:
    """A read model's documents, without positions; entries in the order of their times and words."""
    database: Any = Database()
    engine = Projector(PROJECTIONS[name], servicing, database, batch)
    while engine.step():
        pass
    return {document.pop("_id"): _without_positions(document) for document in database[name].find()}


def histories(servicing: Servicing, batch: int = 1_000) -> Histories:
    return {name: folded(servicing, name, batch) for name in HISTORIES}


def _without_positions(document: dict[str, Any]) -> dict[str, Any]:
    entries = [{k: v for k, v in each.items() if k != "position"} for each in document.get("entries", ())]
    rest = {name: value for name, value in document.items() if name not in ("_position", "entries")}
    return rest | ({"entries": sorted(entries, key=lambda each: (each["at"], str(each)))} if entries else {})


def events_of(servicing: Servicing) -> list[Any]:
    """All events in order of their positions."""
    stored = servicing.recorder.select_notifications(1, 10_000)
    return [servicing.mapper.to_domain_event(each) for each in stored]


def facts(servicing: Servicing) -> Counter[str]:
    """All events, but for when and in which place they were recorded."""
    own = ("timestamp", "originator_version")
    return Counter(
        str((type(event).__qualname__, sorted((k, str(v)) for k, v in vars(event).items() if k not in own)))
        for event in events_of(servicing)
        if not type(event).__qualname__.endswith("Registered")
    )


SEEDS = st.integers(0, 2**32)
SIZES = st.lists(st.integers(1, 9), max_size=6)


@settings(max_examples=40)
@given(st.data(), SEEDS, SIZES, st.integers(1, 20))
def test_repetitions_and_batches_change_nothing(
    data: st.DataObject, seed: int, batches: list[int], project_batch: int
) -> None:
    steps = list(happenings(Random(seed), 30, relinks=False))  # To whom a command belongs, arrival decides.
    again = list(steps)
    for message in data.draw(st.lists(st.sampled_from(steps), max_size=6), "sent twice"):
        first = again.index(message)
        again.insert(data.draw(st.integers(first + 1, len(again)), "place"), message)
    expected = histories(absorbed(steps, ()))
    assert histories(absorbed(again, batches), project_batch) == expected


@settings(max_examples=40)
@given(SEEDS, SEEDS)
def test_news_of_different_aggregates_may_interleave(seed: int, order: int) -> None:
    steps = [each for each in happenings(Random(seed), 30) if each.kind is LoanAccount]
    waiting = defaultdict(list)
    for each in reversed(steps):
        waiting[each.business_id].append(each)
    chance, mixed = Random(order), []
    while names := sorted(name for name, left in waiting.items() if left):
        mixed.append(waiting[chance.choice(names)].pop())
    assert histories(absorbed(mixed, ())) == histories(absorbed(steps, ()))


@st.composite
def each_thing_once(draw: st.DrawFn) -> list[Step]:
    """News at any time, in any order, no two on one thing: none of them makes another old."""
    steps = []
    for number in range(draw(st.integers(1, 4))):
        loan, chat = On(LoanAccount, f"L{number}"), On(Conversation, f"V{number}")
        customer = On(Customer, f"C{number % 2}")
        steps += [
            loan.open(**_when(draw), customer_id=customer.business_id, loan_amount=Decimal("500.00")),
            loan.update(**_when(draw), status=draw(st.sampled_from(["ACTIVE", "SUSPENDED"]))),
            loan.update_aging(**_when(draw), bucket=draw(st.sampled_from(["current", "default"]))),
            loan.update(**_when(draw), current_balance=draw(CENTS)),
            loan.update(**_when(draw), last_payment_date="2026-03-02", last_payment_amount=draw(CENTS)),
            chat.change_application(**_when(draw), customer_id=customer.business_id),
            chat.decide(**_when(draw), decision="APPROVED", details={}),
            chat.summarise(**_when(draw), purpose="car"),
        ]
        if number < 2:
            steps.append(customer.report_details(**_when(draw), first_name="Ann"))
    return draw(st.permutations(draw(st.lists(st.sampled_from(steps), min_size=1, unique_by=id))))


CENTS = st.integers(1, 99_999).map(lambda cents: Decimal(cents) / 100)


def _when(draw: st.DrawFn) -> dict[str, int]:
    at = draw(st.integers(0, 40)) * DAY
    return {"at": at, "received": at + draw(st.integers(0, 20)) * DAY}


@settings(max_examples=60)
@given(st.data(), each_thing_once())
def test_any_order_of_the_same_events_gives_the_same_histories(
    data: st.DataObject, steps: list[Step]
) -> None:
    other = data.draw(st.permutations(steps), "order")
    one, two = absorbed(steps, ()), absorbed(other, data.draw(SIZES, "batches"))
    assert facts(one) == facts(two)
    assert histories(two) == histories(one)


@pytest.mark.parametrize("seed", range(12))
def test_every_day_is_the_sum_of_its_events(seed: int) -> None:
    """The days, reckoned without any lookup: each from all reports of it and of the days before."""
    servicing, calendar = stored(seed, 60), BusinessCalendar("Australia/Sydney")
    days = folded(servicing, "portfolio-daily", batch=7)
    assert len(days) > 3
    reports: dict[str, list[Report]] = defaultdict(list)
    for event in events_of(servicing):
        if isinstance(event, LoanAccountEvents.ReportEvent):
            for report in event.reports():
                insert(reports[event.business_id], report)
    for day, document in days.items():
        accounts = []
        for each in reports.values():
            known = [report for report in each if calendar.day(time_of(report["at"])) <= day]
            standing = standing_after([report for report in each if "created" in report or report in known])
            if known:
                accounts.append(_figures(standing))
        assert _totals(document) == _counted(accounts), day


def _figures(standing: Standing) -> dict[str, Any]:
    return {
        "accountStatus": standing.account_status,
        "bucket": (standing.aging or {}).get("bucket"),
        "inArrears": standing.in_arrears,
        "balance": None if standing.balance is None else amount_of(standing.balance),
    }


@settings(max_examples=40)
@given(SEEDS, SEEDS)
def test_in_any_order_the_newest_day_is_as_the_accounts_are_now(seed: int, order: int) -> None:
    steps = list(happenings(Random(seed), 30))
    Random(order).shuffle(steps)
    servicing = absorbed(steps, ())
    days = folded(servicing, "portfolio-daily")
    now = [
        {
            "accountStatus": account.get("accountStatus"),
            "bucket": account.get("aging", {}).get("bucket"),
            "inArrears": account.get("inArrears", False),
            "balance": balance.to_decimal() if balance else None,
        }
        for account in folded(servicing, "loan-accounts").values()
        for balance in [account.get("balances", {}).get("currentBalance")]
    ]
    newest = _totals(days[max(days)]) if days else (Counter(), Counter(), 0, 0)
    assert newest == _counted(now)


def _totals(document: dict[str, Any]) -> Any:
    status, bucket = (document[name] for name in ("accountsByStatus", "accountsByBucket"))
    return (
        Counter({word: count for word, count in status.items() if count}),
        Counter({word: count for word, count in bucket.items() if count}),
        document["accountsInArrears"],
        document["outstandingTotal"].to_decimal(),
    )


def _counted(accounts: Iterable[dict[str, Any]]) -> Any:
    accounts = list(accounts)
    still_open = [each for each in accounts if each.get("accountStatus") not in ("paid_off", "written_off")]
    return (
        Counter(each["accountStatus"] for each in accounts if each.get("accountStatus")),
        Counter(each["bucket"] for each in still_open if each.get("bucket")),
        sum(each["inArrears"] for each in accounts),
        sum(each["balance"] for each in still_open if each.get("balance") is not None),
    )

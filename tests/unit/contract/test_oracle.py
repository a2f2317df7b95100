"""The pipeline makes the documents that the oracle (tests/oracle, a second program for the contract) derives.

`--oracle-streams` random streams, drawn by `--seed`. A failing one is shrunk, and shown with what differs.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from bson.decimal128 import Decimal128
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from app.aggregates import Actor
from app.errors import NotFoundError
from app.event_store.application import Servicing
from app.event_store.erasure import erase_customer
from app.ingestion.messages.catalogue import Message, read_entry
from app.ingestion.messages.rejection import RejectedError
from app.ingestion.stream.apply import apply_messages
from app.operations.sums import sums
from app.projections.engine.projector import Projector
from app.projections.read_models.calendar import BusinessCalendar
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings
from tests.oracle.documents import documents
from tests.support.data.mock_mongo import Database
from tests.support.data.random_streams import Entry, streams

COLLECTIONS = ("customers", "loan-accounts", "conversations", "write-off-requests")
SUMMED = ("portfolio-daily", "customer-timeline")
"""Not derived by the oracle: they must agree with the loan accounts."""
CALENDAR = BusinessCalendar(Settings().business_time_zone)


def read(entry: Entry) -> Message | None:
    """What ingestion makes of an entry; None of a dead letter, and of a type that is not consumed."""
    fields = {name.encode(): value.encode() for name, value in entry[1].items()}
    try:
        return read_entry("inbox", entry[0].encode(), fields, 256 * 1024)
    except RejectedError:
        return None


def pipeline(entries: list[Entry], batch: int = 1, erase_after: int | None = None) -> Database:
    """The read models after entries that were ingested so many at a time.

    ``erase_after`` so many entries, customer C1 is erased, if it is known then.
    """
    servicing, database = Servicing.in_memory(), Database()
    engines = {
        name: Projector(all_projections(Settings())[name], servicing, database)  # type: ignore[arg-type]
        for name in (*COLLECTIONS, *SUMMED)
    }

    def project() -> None:
        for engine in engines.values():
            while engine.step():
                pass

    parts = [entries] if erase_after is None else [entries[:erase_after], entries[erase_after:]]
    for part in parts:
        messages = [message for message in map(read, part) if message is not None]
        for first in range(0, len(messages), batch):
            applied = apply_messages(servicing, messages[first : first + batch], Event())
            assert not applied.failed, applied.failed
        project()
        if part is not parts[-1]:
            with suppress(NotFoundError):
                erase_customer(servicing, "C1", Actor("eve", None, "admin"), "asked for")
    project()
    return database


def shown(database: Database) -> dict[str, dict[str, Any]]:
    """The documents, by collection and ``_id``."""
    return {name: {each["_id"]: each for each in database[name].find()} for name in COLLECTIONS}


def facts(value: Any, path: str = "") -> dict[str, Any]:
    """The facts of a document by their paths: without the projector's own fields, and without empty lists."""
    if isinstance(value, dict):
        shown = ((key, each) for key, each in value.items() if not key.startswith("_"))
        return {at: fact for key, each in shown for at, fact in facts(each, f"{path}.{key}").items()}
    if isinstance(value, list):
        return {at: fact for n, each in enumerate(value) for at, fact in facts(each, f"{path}[{n}]").items()}
    if isinstance(value, Decimal | Decimal128):
        return {path: str(value)}
    if isinstance(value, datetime):
        return {path: value.replace(tzinfo=value.tzinfo or UTC).isoformat(timespec="milliseconds")}
    return {path: value}


def differences(entries: list[Entry], batch: int = 1) -> list[str]:
    """Where the documents differ from those of the oracle, and the sums that do not hold."""
    database = pipeline(entries, batch)
    ours, theirs = shown(database), documents(entries)
    found = [str(each) for each in sums(database, CALENDAR, Event())]  # type: ignore[arg-type]
    for collection in COLLECTIONS:
        for name in sorted(ours[collection].keys() | theirs[collection].keys()):
            document, expected = ours[collection].get(name, {}), theirs[collection].get(name, {})
            document |= {"irregular": True} if document.get("irregular") else {}
            one, other = facts(document), facts(expected)
            found += [
                f"{collection} {name}{path}: pipeline {one.get(path)!r}, oracle {other.get(path)!r}"
                for path in sorted(one.keys() | other.keys())
                if one.get(path) != other.get(path)
            ]
    return found


PERSONAL = {
    "customers": (
        *("fullName", "firstName", "lastName", "preferredName", "emailAddress", "mobilePhoneNumber"),
        *("dateOfBirth", "flags", "residentialAddress"),
    ),
    "conversations": ("purpose", "facts", "applicationData", "assessments", "utterances", "noticeboard"),
}
"""What an erasure takes from the documents of a customer, beside the reason of a decision (decision 0010)."""


def without_personal_data(collection: str, document: dict[str, Any]) -> dict[str, Any]:
    """What is left of a document, without the times that an erasure stamps."""
    gone = (*PERSONAL[collection], "erasedAt", "createdAt", "updatedAt")
    left = {name: value for name, value in document.items() if name not in gone}
    detail = {name: each for name, each in document.get("decisionDetail", {}).items() if name != "reason"}
    return facts(left | {"decisionDetail": detail})


AGREEING = ("customers", "chats", "loans", "arrears", "schedules", "write-offs", "everything")


def smallest(entries: list[Entry], batch: int) -> list[Entry]:
    """The stream without any entry, and any key of a payload, that the difference does not need."""
    for fewer in smaller(entries):
        if differences(fewer, batch):
            return smallest(fewer, batch)
    return entries


def smaller(entries: list[Entry]) -> Iterator[list[Entry]]:
    """The stream less one entry, or less one key of a payload."""
    for place, (entry_id, fields) in enumerate(entries):
        before, after = entries[:place], entries[place + 1 :]
        yield before + after
        name = "dat" if "dat" in fields else "payload"
        payload = json.loads(fields.get(name, "{}"))
        for key in payload:
            less = json.dumps({other: value for other, value in payload.items() if other != key})
            yield [*before, (entry_id, fields | {name: less}), *after]


@pytest.mark.parametrize("theme", AGREEING)
def test_the_pipeline_and_the_oracle_agree(theme: str, pytestconfig: pytest.Config) -> None:
    chosen_by = pytestconfig.getoption("--seed")

    @seed(chosen_by)
    @settings(
        max_examples=-(-pytestconfig.getoption("--oracle-streams") // len(AGREEING)),
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(streams(theme), st.integers(1, 4))
    def agree(entries: list[Entry], batch: int) -> None:
        if differences(entries, batch):
            entries = smallest(entries, batch)
            sent = [f"{entry_id} {fields}" for entry_id, fields in entries]
            found = differences(entries, batch)
            pytest.fail("\n".join([f"--seed {chosen_by}, {batch} at a time:", *sent, *found]))

    agree()


@pytest.mark.parametrize("theme", ["customers", "applicants"])
def test_an_erasure_takes_what_is_personal_for_ever_and_leaves_the_rest(
    theme: str, pytestconfig: pytest.Config
) -> None:
    @seed(pytestconfig.getoption("--seed"))
    @settings(
        max_examples=-(-pytestconfig.getoption("--oracle-streams") // (2 * len(AGREEING))),
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(streams(theme), st.sampled_from((99, 4, 2)))
    def agree(entries: list[Entry], erase_after: int) -> None:
        ours, theirs = shown(pipeline(entries, erase_after=erase_after)), documents(entries)
        if "erasedAt" not in ours["customers"].get("C1", {}):
            return
        for collection in PERSONAL:
            for name, expected in theirs[collection].items():
                if expected.get("customerId") == "C1":
                    document = ours[collection][name]
                    assert not any(document.get(each) for each in PERSONAL[collection])
                    left = without_personal_data(collection, expected)
                    assert without_personal_data(collection, document) == left

    agree()

"""Invariants, looked at throughout: no message is acknowledged without its event, no intent posted twice."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError

from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.envelope import entry_type
from app.runtime.settings.settings import Settings
from tests.chaos.faults.processes import Role
from tests.chaos.violations import Violations
from tests.support.stream_accounts import Absorption, absorptions_of

_EVERY_S = 2.0
_PAGE = 2_000
_ABROAD = (RedisError, sqlite3.Error, *EVENT_STORE_ERRORS)
"""What a look meets while what it looks at is under fire: it looks again."""


class Acknowledged:
    """Each message that was acknowledged has its event, and no aggregate has one twice.

    What is pending and how far was read is asked first, in one step, and the events after it. So what counts
    as acknowledged was so before the events were read.
    """

    def __init__(self, client: Redis, settings: Settings, servicing: Servicing, wrong: Violations) -> None:
        self._client, self._settings, self._servicing, self._wrong = client, settings, servicing, wrong
        self._sent_up_to, self._letters_up_to, self._position = b"0-0", b"0-0", 0
        self._open: dict[bytes, dict[bytes, bytes]] = {}
        self._set_aside: set[bytes] = set()
        self._absorbed: set[Absorption] = set()
        self._last: dict[Any, str] = {}
        self.seen = 0
        """How many entries were found acknowledged, and what they have to lead to."""

    def look(self) -> None:
        """Raises the drivers' errors where it cannot be seen."""
        settled = self._settled()
        self._read_letters()
        self._read_events()
        for entry_id in settled:
            fields = self._open.pop(entry_id)
            self.seen += 1
            if not self._has_led_to_something(entry_id, fields):
                name = f"{entry_id.decode()} ({entry_type(fields)})"
                self._wrong.add(f"{name} was acknowledged, and is neither in the events nor set aside")

    def _settled(self) -> list[bytes]:
        """Those that were read and are not pending any more."""
        stream, group = self._settings.inbox_stream, self._settings.consumer_group
        for entry_id, fields in self._new(stream, self._sent_up_to):
            self._open[entry_id], self._sent_up_to = fields, entry_id
        pipeline = self._client.pipeline(transaction=True)
        pipeline.xinfo_groups(stream)
        pipeline.xpending_range(stream, group, "-", "+", 100_000)
        groups, pending = pipeline.execute()
        mine = next(each for each in groups if each["name"] == group.encode())
        read_up_to = _parts(mine["last-delivered-id"])
        in_hand = {each["message_id"] for each in pending}
        return [name for name in self._open if _parts(name) <= read_up_to and name not in in_hand]

    def _read_letters(self) -> None:
        for dead_letter_id, fields in self._new(self._settings.dead_letter_stream, self._letters_up_to):
            self._letters_up_to = dead_letter_id
            if fields[b"entry_id"] in self._set_aside:
                self._wrong.add(f"{fields[b'entry_id'].decode()} was set aside twice")
            self._set_aside.add(fields[b"entry_id"])

    def _read_events(self) -> None:
        while page := self._servicing.recorder.select_notifications(
            self._position, _PAGE, inclusive_of_start=False
        ):
            for stored in page:
                event: Any = self._servicing.mapper.to_domain_event(stored)
                absorption: tuple[UUID, str] = (event.originator_id, event.message_id)
                # One message may lead to several events of an aggregate, but only to adjacent ones.
                if self._last.get(absorption[0]) != absorption[1] and absorption in self._absorbed:
                    self._wrong.add(f"{absorption} was absorbed twice, again at position {stored.id}")
                self._last[absorption[0]] = absorption[1]
                self._absorbed.add(absorption)
                self._position = stored.id

    def _has_led_to_something(self, entry_id: bytes, fields: dict[bytes, bytes]) -> bool:
        if entry_id in self._set_aside:
            return True
        if (kind := entry_type(fields)) is not None and kind not in CATALOGUE:
            return True
        absorption = absorptions_of(self._settings, entry_id, fields)
        return bool(absorption) and absorption[0] in self._absorbed

    def _new(self, stream: str, after: bytes) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
        while page := self._client.xrange(stream, min=b"(" + after, count=_PAGE):
            after = page[-1][0]
            yield from page


class PostedOnce:
    """Each transaction of ours in the ledger's books is of one key, and no key has two."""

    def __init__(self, books: Path, accounts: Sequence[str], wrong: Violations) -> None:
        self._books, self._accounts, self._wrong = books, accounts, wrong
        self.posted = 0

    def look(self) -> None:
        """Raises sqlite3's errors where it cannot be seen."""
        places = ",".join("?" * len(self._accounts))
        with closing(sqlite3.connect(f"file:{self._books}?mode=ro", uri=True, timeout=1)) as database:
            database.execute("BEGIN")
            keys, numbers = database.execute("SELECT COUNT(*), COUNT(DISTINCT posting) FROM keys").fetchone()
            (postings,) = database.execute(
                "SELECT COUNT(*) FROM postings "
                "WHERE json_extract(body, '$.kind') IN ('REPAYMENT', 'LATE_FEE') "
                f"AND loan_account_id IN ({places})",
                self._accounts,
            ).fetchone()
        if not keys == numbers == postings:
            self._wrong.add(f"{keys} keys, {numbers} transactions of theirs, {postings} postings of ours")
        self.posted = postings


class Watch:
    """Looks at all of it, again and again, and starts roles again that may have ended."""

    def __init__(self, looks: Sequence[Acknowledged | PostedOnce], roles: Sequence[Role], wrong: Violations):
        self._looks, self._roles, self._wrong = looks, roles, wrong
        self.looked = self.blind = 0
        """How often it looked, and how often it could not see."""

    def run(self, stop: Event) -> None:
        """Run until stopped."""
        while not stop.wait(_EVERY_S):
            for role in self._roles:
                if (wrong := role.look()) is not None:
                    self._wrong.add(wrong)
            for each in self._looks:
                try:
                    each.look()
                except _ABROAD:
                    self.blind += 1
                else:
                    self.looked += 1


def _parts(entry_id: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition(b"-")
    return int(milliseconds), int(sequence)

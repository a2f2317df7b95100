"""The whole running system under fire: nothing lost, nothing twice, and the documents of a quiet run."""

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from app.ingestion.stream.publish import publish
from app.ledger.money.open_commands import OpenCommands
from tests.chaos import ending
from tests.chaos.backlog import backlog
from tests.chaos.clients import Callers, opened
from tests.chaos.faults.clocks import library
from tests.chaos.faults.schedule import schedule
from tests.chaos.fire import Fire
from tests.chaos.load import Publisher, Reader
from tests.chaos.scene import Scene, running
from tests.chaos.table import table
from tests.chaos.verifier import Verifier
from tests.chaos.violations import Violations
from tests.chaos.watch import Acknowledged, PostedOnce, Watch
from tests.support.commands import Billie
from tests.support.stream_accounts import accounts
from tests.support.waiting import until

ACCOUNTS = [f"ACC-{number:03}" for number in range(8)]
MESSAGES_A_SECOND, MESSAGES_A_CUSTOMER = 30, 35
CALLERS, READERS = 4, 2
SETTLED_WITHIN_S = 120


@dataclass
class Load:
    """All who use the system, and all who look on."""

    publisher: Publisher
    callers: Callers
    readers: list[Reader]
    watch: Watch
    acknowledged: Acknowledged
    posted: PostedOnce
    verifier: Verifier

    @classmethod
    def of(cls, scene: Scene, seed: int, minutes: float, wrong: Violations) -> "Load":
        entries = backlog(seed, round(minutes * 60 * MESSAGES_A_SECOND / MESSAGES_A_CUSTOMER) + 1)
        acknowledged = Acknowledged(scene.client, scene.settings, scene.servicing, wrong)
        posted = PostedOnce(scene.books, ACCOUNTS, wrong)
        return cls(
            Publisher(scene.publishing, scene.settings.inbox_stream, entries, MESSAGES_A_SECOND),
            Callers(scene.doors, scene.token, ACCOUNTS, seed, wrong),
            [Reader(scene.doors, scene.token, ACCOUNTS, seed + n, wrong) for n in range(READERS)],
            Watch((acknowledged, posted), list(scene.roles.values()), wrong),
            acknowledged,
            posted,
            Verifier(Billie.of(scene.settings), wrong),
        )

    @contextmanager
    def on(self) -> Iterator[None]:
        """While entered, all of them are at work; at the end, each command's outcome is known."""
        stop, give_up, look_away = Event(), Event(), Event()
        with ThreadPoolExecutor(16) as threads:
            looking = threads.submit(self.watch.run, look_away)
            using: list[Future[None]] = [
                threads.submit(self.publisher.run, stop),
                threads.submit(self.verifier.run, stop),
                *(threads.submit(reader.run, stop) for reader in self.readers),
                threads.submit(self.callers.run, stop, give_up, CALLERS),
            ]
            try:
                yield
                stop.set()
                wait(using, SETTLED_WITHIN_S)
            finally:
                stop.set()
                give_up.set()
                look_away.set()
            for each in (looking, *using):
                each.result()

    def notes(self) -> list[str]:
        outcomes = self.callers.outcomes
        answers: dict[str, int] = {}
        for reader in self.readers:
            for name, times in reader.answers.items():
                answers[name] = answers.get(name, 0) + times
        return [
            f"money: {self.callers.asked} intents, {len(outcomes.posted)} posted, {len(outcomes.rejected)} "
            f"rejected; answers {dict(outcomes.answers.most_common())}",
            f"reads: {answers}",
            f"looked {self.watch.looked} times, {self.watch.blind} unsuccessfully; "
            f"{self.acknowledged.seen} entries were seen acknowledged, {self.posted.posted} postings once; "
            f"verified {self.verifier.verified} times, {self.verifier.away} unsuccessfully",
        ]


def test_system_survives_every_fault_together(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    minutes, seed = (pytestconfig.getoption(name) for name in ("minutes", "seed"))
    kind = pytestconfig.getoption("--event-store")
    again = f'make chaos ARGS="--minutes {minutes:g} --seed {seed} --event-store {kind}" repeats it'
    sys.stdout.write(f"\n{again}\n")
    wrong = Violations()
    megabytes = round((64 if kind == "sqlite" else 384) + 8 * minutes)
    with running(tmp_path, seed, megabytes, kind) as scene:
        publish(scene.client, scene.settings.inbox_stream, opened(ACCOUNTS))
        until(lambda: ending.all_are_open(scene.books, ACCOUNTS), 300, "the ledger to hear of the accounts")
        until(lambda: all(door.answers() for door in scene.doors), 300, "the APIs")
        load = Load.of(scene, seed, minutes, wrong)
        planned = schedule(seed, minutes, scene.targets())
        fire = Fire(scene, wrong, lambda: len(load.publisher.acknowledged))
        with load.on():
            fire.burn(planned)
        wrong.during = "all is over"
        notes = [again, f"disk full: {scene.store.disk.what}", *load.notes()]
        if library() is None:
            notes.append("NOTICE: no clock jumped: libfaketime has nothing for this system")
        _settle(scene, load, wrong, notes)
        _check(scene, load, wrong, tmp_path, notes)
    sys.stdout.write(table(fire, len(load.publisher.acknowledged), wrong, notes))
    assert not wrong.complaints, "\n".join([again, *wrong.complaints])
    assert fire.struck == Counter(strike.kind for strike in planned), "what was planned, and no less"
    outcomes = load.callers.outcomes
    unknown = outcomes.answers["202 unknown"] + outcomes.answers["202 requested"]
    assert unknown > 0, "no outcome was ever unknown: the fire is too gentle"
    assert fire.in_a_batch > 0, "no consumer was killed with entries in hand: the fire is too gentle"
    assert load.verifier.verified > 0, "nothing was verified meanwhile"


def _settle(scene: Scene, load: Load, wrong: Violations, notes: list[str]) -> None:
    """Wait until nothing is left to do, then stop the roles. What does not end is a violation."""
    began = monotonic()
    for what, done in (
        ("entries that are unread or pending", lambda: not scene.unread_or_pending()),
        ("events that are not folded", lambda: not scene.unfolded()),
        ("money commands that are not settled", lambda: not OpenCommands(lambda: scene.servicing).look()),
    ):
        try:
            until(done, SETTLED_WITHIN_S, what)
        except pytest.fail.Exception as late:
            wrong.add(f"{late}")
    notes.append(f"all was read, folded and settled {monotonic() - began:.1f} s after the load had ended")
    load.acknowledged.look()
    load.posted.look()
    restarts = {name: role.restarts for name, role in scene.roles.items() if role.restarts}
    notes.append(f"roles that found a server away at their start, and were started again: {restarts}")
    for role in scene.roles.values():
        if (complaint := role.stop()) is not None:
            wrong.add(complaint)
    if load.callers.outcomes.known < load.callers.asked:
        wrong.add(f"{load.callers.asked - load.callers.outcomes.known} callers never learnt an outcome")


def _check(scene: Scene, load: Load, wrong: Violations, folder: Path, notes: list[str]) -> None:
    """All that can only be seen at the end."""
    try:
        notes.append(f"{accounts(scene.client, scene.settings)}")
    except AssertionError as error:
        wrong.add(f"the entries do not add up: {error}")
    outcomes = load.callers.outcomes
    if not scene.store.whole():
        wrong.add("the event store is damaged")
    for complaints in (
        ending.nothing_is_lost(scene, load.publisher.acknowledged),
        ending.commands_are_as_answered(scene, outcomes),
        ending.books_hold_each_once(scene.books, ACCOUNTS, outcomes),
        ending.documents_are_those_of_a_quiet_run(scene, folder),
    ):
        for each in complaints:
            wrong.add(each)

"""The checks at the end: the books, the answers to callers, and the documents of a quiet run."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from app.aggregates import LedgerCommand, command_id_of
from app.ledger.sandbox.books import Books
from tests.chaos.clients import OWED, Outcomes
from tests.chaos.scene import Scene
from tests.support.commands import Billie
from tests.support.observed import IN_ANY_ORDER, documents
from tests.support.undisturbed import differences, seen, undisturbed

_BY_STAFF = ("ledger-commands", "contact-notes")
"""Read models of what no message tells: verified against the events."""


def all_are_open(books: Path, names: Sequence[str]) -> bool:
    """Whether the ledger knows the accounts and has paid them out."""
    if not books.exists():
        return False
    with closing(sqlite3.connect(f"file:{books}?mode=ro", uri=True, timeout=5)) as database:
        try:
            found = database.execute(
                "SELECT COUNT(DISTINCT loan_account_id) FROM postings "
                "WHERE json_extract(body, '$.kind') = 'DISBURSEMENT' "
                f"AND loan_account_id IN ({','.join('?' * len(names))})",
                names,
            ).fetchone()
        except sqlite3.OperationalError:
            return False  # It is just being made.
    return bool(found == (len(names),))


def books_hold_each_once(path: Path, names: Sequence[str], outcomes: Outcomes) -> Iterator[str]:
    """What is wrong in the ledger's books: they hold each posting that callers saw, once, and no more."""
    with closing(sqlite3.connect(path)) as database:
        held = dict(database.execute("SELECT idempotency_key, posting FROM keys"))
    if held.keys() != outcomes.posted.keys():
        yield f"held or answered, and not both: {sorted(held.keys() ^ outcomes.posted.keys())}"
    with closing(Books(path)) as books:
        for name in names:
            loan = books.loan(name)
            moved = sum(each.total_delta for each in loan.postings if each.number in held.values())
            if loan.owed != OWED + moved:
                yield f"{name} owes {loan.owed}, which is not {OWED} and {moved}"


def commands_are_as_answered(scene: Scene, outcomes: Outcomes) -> Iterator[str]:
    """Where our own record of a command differs from the answer to its caller."""
    for key in outcomes.posted.keys() | outcomes.rejected.keys():
        command = scene.servicing.load(LedgerCommand, command_id_of(key))
        if command is None or (command.status == "posted") != (key in outcomes.posted):
            yield f"{key} is {command and command.status}"


def nothing_is_lost(scene: Scene, acknowledged: Sequence[bytes]) -> Iterator[str]:
    """What Redis had acknowledged to the publisher, and does not have."""
    there = {entry_id for entry_id, _ in scene.client.xrange(scene.settings.inbox_stream)}
    if lost := [each for each in acknowledged if each not in there]:
        yield f"Redis lost what it had acknowledged: {lost[:5]} and {len(lost) - 1} others"


def documents_are_those_of_a_quiet_run(scene: Scene, folder: Path) -> Iterator[str]:
    """Where they differ. The histories depend on the order of arrival, and are verified only."""
    names = tuple(name for name in IN_ANY_ORDER if name not in _BY_STAFF)
    under_fire = seen(scene.database, scene.client, scene.settings)
    with undisturbed(scene.settings, scene.client, f"sqlite:///{folder / 'quiet.db'}") as quiet:
        ours, theirs = (({name: side[0][name] for name in names}, side[1]) for side in (under_fire, quiet))
        yield from differences(ours, theirs)
    if not all(documents(scene.database, names).values()):
        yield "a read model is empty: nothing was compared"
    done = Billie.of(scene.settings).end("verify", within_s=1_200)
    if done.returncode:
        yield f"billie verify: {done.returncode}\n{done.stdout[-3_000:]}{done.stderr[-1_000:]}"
    sums = Billie.of(scene.settings).end("verify", "--sums", within_s=600)
    if sums.returncode:
        yield f"billie verify --sums: {sums.returncode}\n{sums.stdout[-3_000:]}{sums.stderr[-1_000:]}"

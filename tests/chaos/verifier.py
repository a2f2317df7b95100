"""``billie verify``, again and again: each event has its place in the documents, while all else burns."""

import json
from threading import Event

from tests.chaos.violations import Violations
from tests.support.commands import Billie

_EVERY_S = 15.0
_SHARE = "20%"
_AWAY = 3
_WITHIN_S = 1_200
"""An hour's events, while servers stand still and are slow: what it says counts, and not how soon."""


class Verifier:
    """Verifies a share of the documents. A server that is away is no difference.

    Nor is a document that could not be decided on: a projector that a fault holds up may be late by more than
    a verification waits. At the end all of them are.
    """

    def __init__(self, billie: Billie, wrong: Violations) -> None:
        self._billie, self._wrong = billie, wrong
        self.verified = self.away = 0

    def run(self, stop: Event) -> None:
        """Run until stopped."""
        while not stop.wait(_EVERY_S):
            done = self._billie.end("verify", "--sample", _SHARE, "--json", within_s=_WITHIN_S)
            if done.returncode == _AWAY:
                self.away += 1
                continue
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            kinds = {line["difference"]["kind"] for line in lines if "difference" in line}
            if done.returncode == 0 or kinds == {"undecided"}:
                self.verified += 1
            else:
                found = [line for line in lines if "progress" not in line]
                self._wrong.add(f"billie verify: {done.returncode}\n{found}\n{done.stderr[-2_000:]}")

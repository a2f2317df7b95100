"""The console script as a user runs it: a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from pydantic import SecretStr

from app.runtime.servers.embedded import die_with_parent
from app.runtime.settings.settings import Settings

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Billie:
    """Runs ``billie`` with the settings of a test."""

    environment: Mapping[str, str]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """With all those settings that are not the defaults."""
        given = {name: getattr(settings, name) for name in settings.model_fields_set}
        return cls(
            {
                f"BILLIE_{name.upper()}": value.get_secret_value()
                if isinstance(value, SecretStr)
                else str(value)
                for name, value in given.items()
            }
        )

    def run(self, *arguments: str, stdin: str = "", within_s: float = 120) -> str:
        """Run a command to its end; what it printed. Fails the test unless it exits with 0."""
        done = self.end(*arguments, stdin=stdin, within_s=within_s)
        assert done.returncode == 0, f"billie {' '.join(arguments)}: {done.returncode}\n{done.stderr}"
        return done.stdout

    def end(
        self, *arguments: str, stdin: str = "", within_s: float = 120, **more_settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, good or bad. Raises TimeoutExpired."""
        return subprocess.run(
            self._command(arguments),
            cwd=ROOT,
            env=os.environ | self.environment | more_settings,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=within_s,
        )

    def start(
        self, *arguments: str, log: IO[str] | None = None, **more_settings: str
    ) -> subprocess.Popen[str]:
        """Start a command, and go on at once. Its errors go to ``log``, or wait in a pipe."""
        return subprocess.Popen(
            self._command(arguments),
            cwd=ROOT,
            env=os.environ | self.environment | more_settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if log is None else log,
            text=True,
            preexec_fn=die_with_parent,
        )

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "app.cli.main", *arguments]

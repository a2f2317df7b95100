"""Logging of a process: a line a record, on standard error, with the role's name."""

import logging
import sys


def configure_logging(role: str) -> None:
    """Log INFO and above. Nothing that is logged holds personal data: identities only."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format=f"%(asctime)s {role} %(levelname)s %(name)s: %(message)s",
        force=True,
    )


def in_short(error: BaseException) -> str:
    """What happened, on one line: drivers add pages of configuration, and lists of servers."""
    text = str(error).partition("\n")[0].partition(" (configured timeouts")[0]
    return f"{text[:200].rstrip('. ')} ({type(error).__name__})"

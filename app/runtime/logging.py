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

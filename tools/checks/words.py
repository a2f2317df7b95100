"""Finds words that this project avoids, in names, comments, docs and screens, and prints their replacements.

Run from the root: ``python tools/checks/words.py``. Exits with 1 if it finds any.
"""

import re
import subprocess
import sys
from pathlib import Path

INSTEAD = {
    r"told|untold": "reported, given, known; or a noun: facts, values",
    r"(of|from) before(?! the\b)|as before(?=[.,;]|$)": "previous, earlier",
    r"(what|which|that) is none": "invalid, missing, not a …",
    r"what there is|that there (is|are) (none|not|nothing)": "what exists, what is missing",
    r"anew": "again",
    r"shelf|shelves": "document cache",
    r"backing": "document store",
    r"taking turns|turns_of|take_turn|end_turn": "writer lock",
    r"unusable": "rejected, rejection reason",
    r"desk(?!\.example)": "page context",
    r"owing": "balance",
    r"awaiting(?!.(approval|payout|documents))": "pending",
    r"sought": "search query",
    r"remembering": "base, absorbed",
    r"freshness": "report order",
    r"unsaid|said to be": "reported, unreported",
    r"whoever|whichever|whatever": "name the person or the thing",
    r"in vain": "unsuccessfully, without a result",
    r"for the sake of": "for",
    r"let go of": "release, close",
    r"by now|meanwhile that": "now, while",
    r"nobody knows": "unknown",
    r"how it stands": "status",
    r"to be given up": "amount",
    r"husks?": "bare mark",
    r"puts? right": "fix",
    r"as the events say": "match the events",
    r"test_(it|they|so|what|who|whom|whose|somebody|nobody|nothing|anybody)": "the rule that it holds",
    r"another_store": "other_store",
    r"heard of(?! an)": "known, mentioned",
}
SEARCHED = (
    "docs",
    "README.md",
    "CONTRIBUTING.md",
    "app",
    "bench",
    "deploy",
    "examples",
    "tests",
    "tools",
    "Makefile",
)
TEXT = {".py", ".md", ".html", ".js", ".json", ".yaml", ".yml", ".toml", ".sh", ""}
EXEMPT = (
    "tools/checks/words.py",
    "app/console/static/vendor/",
    "app/ledger/wire/",
    "docs/openapi.json",
    "docs/licences.md",
    "tests/unit/sdk/asyncapi/",
)
"""This file, generated files and vendored ones."""


def main() -> int:
    """Print each occurrence, with the words to use instead."""
    patterns = [
        (re.compile(rf"(?<![A-Za-z])(?:{words})(?![A-Za-z])".replace(" ", "[ _]"), re.IGNORECASE), instead)
        for words, instead in INSTEAD.items()
    ]
    names = subprocess.run(["git", "ls-files", *SEARCHED], capture_output=True, text=True, check=True).stdout
    found = 0
    for name in names.splitlines():
        path = Path(name)
        if path.suffix not in TEXT or name.startswith(EXEMPT) or not path.exists():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for pattern, instead in patterns:
                for match in pattern.finditer(line):
                    found += 1
                    print(f"{name}:{number}: {match.group()!r}: {instead}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

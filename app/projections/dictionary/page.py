"""Writes what is generated of the data dictionary: ``python -m app.projections.dictionary.page``.

The tables of fields in docs/data-dictionary.md, and the collections that tools/analyst-role.js names.
"""

import json
from pathlib import Path

from app.projections import migrations
from app.projections.dictionary.fields import fields_of
from app.projections.engine import positions
from app.projections.jobs import jobs
from app.projections.read_models.catalogue import COLLECTIONS
from app.projections.read_models.types import Model

PAGE, ROLE = "docs/data-dictionary.md", "tools/analyst-role.js"
FIELDS = ("<!-- fields: written by `make dictionary` -->", "<!-- end of fields -->")
NAMES = ("// Written by `make dictionary`:", "// End of what is written.")

PUBLIC = (*COLLECTIONS, positions.COLLECTION, jobs.COLLECTION, migrations.COLLECTION)
"""What analysts may read: all but the collections whose names begin with ``_``."""


def generated(page: str, role: str) -> dict[str, str]:
    """The text of each file by its path; ``page`` and ``role`` are the files as they are."""
    tables = "\n".join(_section(name, model) for name, model in COLLECTIONS.items())
    names = f"const COLLECTIONS = {json.dumps(PUBLIC, indent=2)};"
    return {PAGE: _between(page, FIELDS, f"\n{tables}\n"), ROLE: _between(role, NAMES, names)}


def write(checkout: Path) -> None:
    """Write them. Raises ValueError where a mark is missing between which they stand."""
    texts = [(checkout / path).read_text(encoding="utf-8") for path in (PAGE, ROLE)]
    for path, text in generated(*texts).items():
        (checkout / path).write_text(text, encoding="utf-8")


def _section(name: str, model: type[Model]) -> str:
    about = (model.__doc__ or "").replace("``", "`").split("\n\n")
    lines = [f"### {name}", "", *(" ".join(part.split()) + "\n" for part in about)]
    lines += ["| field | type | meaning |", "|---|---|---|"]
    for field in fields_of(model).values():
        type_ = "string, `YYYY-MM-DD`" if field.type == "YYYY-MM-DD" else field.type
        words = f" One of {', '.join(f'`{word}`' for word in field.words)}." if field.words else ""
        lines.append(f"| `{field.path}` | {type_} | {field.meaning}{words} |")
    return "\n".join([*lines, ""])


def _between(text: str, marks: tuple[str, str], body: str) -> str:
    before, begin, rest = text.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not end:
        msg = f"there is no {marks[0]} … {marks[1]}"
        raise ValueError(msg)
    return f"{before}{begin}\n{body}\n{end}{after}"


if __name__ == "__main__":
    write(Path())

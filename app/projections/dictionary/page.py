"""Generates parts of the data dictionary: ``python -m app.projections.dictionary.page``.

These are the tables of fields in docs/data-dictionary.md, and the collections in tools/analyst-role.js.
"""

import json
from pathlib import Path

from app.projections import migrations
from app.projections.dictionary.fields import fields_of
from app.projections.engine import positions
from app.projections.jobs import jobs
from app.projections.read_models.base import Model
from app.projections.read_models.catalogue import COLLECTIONS

PAGE, ROLE = "docs/data-dictionary.md", "tools/analyst-role.js"
TABLES = ("<!-- fields: written by `make dictionary` -->", "<!-- end of fields -->")
NAMES = ("// Written by `make dictionary`:", "// End of what is written.")

PUBLIC = (*COLLECTIONS, positions.COLLECTION, jobs.COLLECTION, migrations.COLLECTION)
"""The collections that analysts may read: all whose names do not start with ``_``."""


def generated(page: str, role: str) -> dict[str, str]:
    """The new text of each file by its path; ``page`` and ``role`` are the current texts."""
    tables = "\n".join(_section(name, model) for name, model in COLLECTIONS.items())
    names = f"const COLLECTIONS = {json.dumps(PUBLIC, indent=2)};"
    return {PAGE: _replaced(page, TABLES, f"\n{tables}\n"), ROLE: _replaced(role, NAMES, names)}


def write(checkout: Path) -> None:
    """Write both files. Raises ValueError if one lacks a mark of the generated part."""
    texts = [(checkout / path).read_text(encoding="utf-8") for path in (PAGE, ROLE)]
    for path, text in generated(*texts).items():
        (checkout / path).write_text(text, encoding="utf-8")


def _section(name: str, model: type[Model]) -> str:
    paragraphs = (model.__doc__ or "").replace("``", "`").split("\n\n")
    lines = [f"### {name}", "", *(" ".join(each.split()) + "\n" for each in paragraphs)]
    lines += ["| field | type | description |", "|---|---|---|"]
    for field in fields_of(model).values():
        type_ = "string, `YYYY-MM-DD`" if field.type == "YYYY-MM-DD" else field.type
        values = f" One of {', '.join(f'`{each}`' for each in field.values)}." if field.values else ""
        lines.append(f"| `{field.path}` | {type_} | {field.description}{values} |")
    return "\n".join([*lines, ""])


def _replaced(text: str, marks: tuple[str, str], body: str) -> str:
    before, begin, rest = text.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not end:
        msg = f"{marks[0]} … {marks[1]} is missing"
        raise ValueError(msg)
    return f"{before}{begin}\n{body}\n{end}{after}"


if __name__ == "__main__":
    write(Path())

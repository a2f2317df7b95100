"""Writes the generated parts of the data dictionary: ``python -m tools.pages.dictionary_page``.

These are the tables of fields in docs/data-dictionary.md, from the documents' models, and the collections in
deploy/rights/analyst.js.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from app.projections import migrations
from app.projections.engine import positions
from app.projections.jobs import jobs
from app.projections.read_models.base import Model
from app.projections.read_models.catalogue import COLLECTIONS

PAGE, ROLE = "docs/data-dictionary.md", "deploy/rights/analyst.js"
TABLES = ("<!-- fields: written by `make dictionary` -->", "<!-- end of fields -->")
NAMES = ("// Written by `make dictionary`:", "// End of what is written.")

PUBLIC = (*COLLECTIONS, positions.COLLECTION, jobs.COLLECTION, migrations.COLLECTION)
"""The collections that analysts may read: all whose names do not start with ``_``."""

Schema = dict[str, Any]

_BSON = {
    ("string", None): "string",
    ("string", "date"): "YYYY-MM-DD",
    ("string", "date-time"): "date",
    ("string", "decimal"): "decimal",
    ("integer", None): "int",
    ("boolean", None): "bool",
    ("object", None): "object",
}
"""The BSON type for JSON Schema's type and format. ``YYYY-MM-DD`` is a string."""

ALWAYS = "Always present."
"""The end of the description of a field that every document, or every part with its parent, has."""


class Field(NamedTuple):
    """A field of a collection."""

    path: str
    """As in queries: ``repaymentSchedule.payments.dueDate``."""
    type: str
    """A BSON type, ``YYYY-MM-DD``, ``any``, or ``array of`` one of these."""
    values: tuple[str, ...]
    """All possible values, or empty if any is possible."""
    description: str


def fields_of(model: type[Model]) -> dict[str, Field]:
    """Every field of a model's documents by its path, in order, each followed by its nested fields."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    of_the_model = {field.path: field for field in _fields(schema, "", definitions)}
    same = of_the_model["_id"]._replace(path=model.identifier(), description=f"The same as `_id`. {ALWAYS}")
    return {"_id": of_the_model.pop("_id"), same.path: same} | of_the_model


def _fields(schema: Schema, prefix: str, definitions: Schema) -> Iterator[Field]:
    for name, declared in schema.get("properties", {}).items():
        field = _resolved(declared, definitions)
        is_array = field.get("type") == "array"
        inner = _resolved(field["items"], definitions) if is_array else field
        description = " ".join(field.get("description", "").split())
        yield Field(
            path=prefix + name,
            type=f"array of {_type(inner)}" if is_array else _type(inner),
            values=tuple(inner.get("enum", ())),
            description=f"{description} {ALWAYS}" if name in schema.get("required", ()) else description,
        )
        yield from _fields(inner, f"{prefix}{name}.", definitions)


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    """The schema with its references resolved, and without the null of an optional field."""
    for part in (schema, *schema.get("anyOf", ())):
        if "$ref" in part:
            schema = definitions[part["$ref"].rpartition("/")[2]] | schema
        elif part.get("type") not in (None, "null"):
            schema = part | schema
    return schema


def _type(schema: Schema) -> str:
    return _BSON[schema["type"], schema.get("format")] if "type" in schema else "any"


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
        raise ValueError(f"{marks[0]} … {marks[1]} is missing")
    return f"{before}{begin}\n{body}\n{end}{after}"


if __name__ == "__main__":
    write(Path())

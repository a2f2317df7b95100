"""What a model says of its documents in MongoDB: each field's path, BSON type, words and meaning."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from app.projections.read_models.types import Model

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
"""JSON Schema's type and format, and what stands in MongoDB. ``YYYY-MM-DD`` is a string."""


ALWAYS = "Always present."
"""How the meaning ends of a field that each document has, or each part of one that the field is in."""


class Field(NamedTuple):
    """A field of a collection.

    ``path`` is as queries name it (``repaymentSchedule.payments.dueDate``); ``type`` one of the values above,
    ``any``, or ``array of`` one of these; ``words`` all that it can hold, or empty where it can hold any.
    """

    path: str
    type: str
    words: tuple[str, ...]
    meaning: str


def fields_of(model: type[Model]) -> dict[str, Field]:
    """Every field of a model's documents by its path, in order; what is inside a field follows it."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    return {field.path: field for field in _fields(schema, "", definitions)}


def _fields(schema: Schema, prefix: str, definitions: Schema) -> Iterator[Field]:
    for name, told in schema.get("properties", {}).items():
        field, items = _resolved(told, definitions), None
        if field.get("type") == "array":
            items = _resolved(field["items"], definitions)
        inner = field if items is None else items
        yield Field(
            path=prefix + name,
            type=_type(field) if items is None else f"array of {_type(items)}",
            words=tuple(inner.get("enum", ())),
            meaning=_meaning(field, always=name in schema.get("required", ())),
        )
        yield from _fields(inner, f"{prefix}{name}.", definitions)


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    """With what it refers to in its place; that a field may be absent is left out."""
    for part in (schema, *schema.get("anyOf", ())):
        if "$ref" in part:
            schema = definitions[part["$ref"].rpartition("/")[2]] | schema
        elif part.get("type") not in (None, "null"):
            schema = part | schema
    return schema


def _meaning(schema: Schema, *, always: bool) -> str:
    meaning = " ".join(schema.get("description", "").split())
    return f"{meaning} {ALWAYS}" if always else meaning


def _type(schema: Schema) -> str:
    if "type" not in schema:
        return "any"
    return _BSON[schema["type"], schema.get("format")]

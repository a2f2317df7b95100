"""The fields of documents in MongoDB, as their models describe them: path, BSON type, values and
description."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from app.projections.read_models.base import Model

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

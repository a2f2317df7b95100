"""The JSON Schema of each message type's payload."""

from typing import Any

import orjson
from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from app.ingestion.messages import envelope
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.chat import FreeForm
from app.ingestion.messages.fields import Payload
from app.ingestion.messages.writing import canonical_keys
from app.sdk._examples import examples
from app.sdk._message import Message, as_read

DIALECT = GenerateJsonSchema.schema_dialect

_STYLES = {
    False: " Write keys in snake_case; camelCase is read too.",
    True: " Write keys in camelCase; snake_case is read too.",
}
_TIME = {
    "type": "string",
    "format": "date-time",
    "description": "When it happened. An earlier report does not overwrite a later one.",
}


class _Canonical(GenerateJsonSchema):
    """Absent rather than null; no titles but the type's own; objects that may hold more than is known."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])


def json_schema(type: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a type's payload. Raises KeyError for a type that we do not consume.

    It describes what to write. Our consumer reads more than that: either style of keys, numbers for
    amounts, words with their class name.
    """
    model = CATALOGUE[type]
    message = examples()[type]
    schema = model.model_json_schema(schema_generator=_Canonical)
    body = _tidied(schema, schema.pop("$defs", {}))
    properties = body.pop("properties", {}) | _times_of(model)
    return {
        "$schema": DIALECT,
        "title": type,
        "description": describe(model) + (_STYLES[_writes_camel_case(model)] if model.model_fields else ""),
        "x-aggregates": aggregates_of(message),
        "type": "object",
        **({"properties": properties} if properties else {}),
        **({"required": body["required"]} if "required" in body else {}),
        "additionalProperties": True,
        "examples": [example_payload(message)],
    }


def example_payload(message: Message) -> Any:
    return orjson.loads(message.fields()[envelope.PAYLOAD[0]])


def aggregates_of(message: Message) -> list[str]:
    """The kinds of aggregates that a message changes."""
    return sorted({kind.__name__ for kind, _ in as_read(message.fields()).concerns()})


def describe(model: type[Payload]) -> str:
    """What the messages of a model say, in a sentence or two."""
    return " ".join((model.__doc__ or "").split()).replace("``", "`")


def _writes_camel_case(model: type[Payload]) -> bool:
    return any(key != name for name, key in canonical_keys(model).items())


def _times_of(model: type[Payload]) -> dict[str, Any]:
    """The keys that say when it happened. They are the envelope's to read, and no field of a model."""
    if issubclass(model, FreeForm):
        return {}
    known = canonical_keys(model).values()
    names = [
        to_camel(name) if _writes_camel_case(model) else name
        for name in envelope.PAYLOAD_TIME
        if name.islower()
    ]
    return {name: _TIME for name in names if name not in known}


def _tidied(schema: Any, definitions: dict[str, Any]) -> Any:
    """With the definitions in their places, which are one each, and every object open."""
    if isinstance(schema, list):
        return [_tidied(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema.replace("``", "`") if isinstance(schema, str) else schema
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return _tidied(definitions[name] | rest, definitions)
    tidy = {
        key: _tidied(value, definitions)
        for key, value in schema.items()
        if key != "title" or not isinstance(value, str)
    }
    return tidy | {"additionalProperties": True} if "properties" in tidy else tidy

"""The JSON Schema of each message type's payload, and the AsyncAPI document of the inbox stream."""

from typing import Any

import orjson
from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from app import __version__
from app.ingestion.messages import envelope
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.chat import FreeForm
from app.ingestion.messages.fields import AddressedPayload, Payload
from app.ingestion.messages.writing import canonical_keys
from app.sdk._examples import examples
from app.sdk._message import INBOX_STREAM, MAX_MESSAGE_BYTES, Message, as_read

DIALECT = GenerateJsonSchema.schema_dialect

_STYLES = {
    False: " Write keys in snake_case; camelCase is read too.",
    True: " Write keys in camelCase; snake_case is read too.",
}
_WHEN = "When it happened. An earlier report does not overwrite a later one."


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
    time = _TIME | {"description": _WHEN}
    return {name: time for name in names if name not in known}


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


_IDENTITY, _PAYLOAD = envelope.EXPLICIT_ID[0], envelope.PAYLOAD[0]
_ABOUT = f"""\
What upstream services publish for Billie Servicing. The channel is a Redis stream; an entry is a message,
added by XADD, and every field of it is a string. The headers below are its fields; the payload is JSON
text in the field `{_PAYLOAD}`.

Delivery is at least once and in any order: a message is known by its `{_IDENTITY}`, and absorbed once
however often it arrives. An entry is at most {MAX_MESSAGE_BYTES // 1024} KiB. An entry of another type is
acknowledged and counted; one that is not as described becomes a dead letter, with a reason and the field.
"""

_TEXT = {"type": "string", "minLength": 1}
_TIME = {"type": "string", "format": "date-time"}
_NAME = {"type": "string", "minLength": 1, "maxLength": 256}
_FIELDS: tuple[tuple[tuple[str, ...], dict[str, Any], str], ...] = (
    (envelope.TYPE, _TEXT, "The message type."),
    (envelope.EXPLICIT_ID, _TEXT, "The identity of the message: the same for every attempt to send it."),
    (envelope.CONVERSATION, _NAME, "The conversation, or the write-off request, that it is about."),
    (envelope.USER, _NAME, "The customer."),
    (envelope.APPLICATION, _NAME, "The application."),
    (
        envelope.TIME,
        {"type": "string", "format": "date-time"},
        "When it happened, where the payload does not say.",
    ),
)


def asyncapi() -> dict[str, Any]:
    """The document, for a folder that has the payloads' schemas in ``schemas/``."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Billie Servicing: inbox", "version": __version__, "description": _ABOUT},
        "defaultContentType": "application/json",
        "channels": {
            "inbox": {
                "address": INBOX_STREAM,
                "title": "The inbox stream",
                "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in CATALOGUE},
            }
        },
        "operations": {
            "consume": {
                "action": "receive",
                "title": "Consume the inbox",
                "summary": "Each message becomes domain events, once.",
                "channel": {"$ref": "#/channels/inbox"},
                "messages": [{"$ref": f"#/channels/inbox/messages/{kind}"} for kind in CATALOGUE],
            }
        },
        "components": {
            "messages": {kind: _message(kind, message) for kind, message in examples().items()},
            "schemas": {"entry": _entry()},
        },
    }


def _message(kind: str, message: Message) -> dict[str, Any]:
    model = CATALOGUE[kind]
    fields = message.fields()
    del fields[envelope.PAYLOAD[0]]
    needed = [envelope.CONVERSATION[0]] if issubclass(model, AddressedPayload) else []
    return {
        "name": kind,
        "title": kind,
        "summary": describe(model),
        "headers": {
            "allOf": [{"$ref": "#/components/schemas/entry"}],
            "type": "object",
            "properties": {envelope.TYPE[0]: {"const": kind}},
            "required": [envelope.TYPE[0], *needed],
        },
        "payload": {"$ref": f"./schemas/{kind}.json"},
        "examples": [{"name": kind, "headers": fields, "payload": example_payload(message)}],
    }


def _entry() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "The fields of an entry, the payload aside. An empty one counts as absent.",
        "properties": {
            names[0]: {**schema, "description": _said(text, names)} for names, schema, text in _FIELDS
        },
        "required": [envelope.TYPE[0], envelope.EXPLICIT_ID[0]],
        "additionalProperties": {"type": "string"},
    }


def _said(text: str, names: tuple[str, ...]) -> str:
    return f"{text} Read by other names too: {', '.join(f'`{name}`' for name in names[1:])}."

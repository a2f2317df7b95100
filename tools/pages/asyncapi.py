"""The AsyncAPI document of the inbox stream."""

from typing import Any

from app import __version__
from app.ingestion.messages import envelope
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.fields import AddressedPayload
from app.sdk._examples import examples
from app.sdk._message import INBOX_STREAM, MAX_MESSAGE_BYTES, Message
from app.sdk._schemas import describe, example_payload

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

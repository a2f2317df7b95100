"""Compares documents with the data dictionary: fields, types, words, and what is always there."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import bson
from bson import Decimal128, Int64

from app.projections.read_models.catalogue import COLLECTIONS
from tools.pages.dictionary_page import ALWAYS, Field, fields_of

FIELDS = {name: fields_of(model) for name, model in COLLECTIONS.items()}

_BSON = {
    str: "string",
    datetime: "date",
    Decimal128: "decimal",
    int: "int",
    Int64: "int",
    bool: "bool",
    dict: "object",
    list: "array",
}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def faults(collection: str, document: dict[str, Any]) -> list[str]:
    """What of a document, as MongoDB holds it, is not as the data dictionary says."""
    shown = {name: value for name, value in document.items() if name == "_id" or not name.startswith("_")}
    return list(_faults(FIELDS[collection], "", bson.decode(bson.encode(shown))))


def paths(collection: str, document: dict[str, Any]) -> set[str]:
    """Those fields of the dictionary that a document holds."""
    return {path for path in FIELDS[collection] if _holds(document, path.split("."))}


def _faults(fields: dict[str, Field], prefix: str, document: dict[str, Any]) -> Iterator[str]:
    for name, value in document.items():
        if (field := fields.get(prefix + name)) is None:
            yield f"{prefix}{name} is not in the dictionary"
        else:
            yield from _of_value(fields, field, field.type, value)
    for path, field in fields.items():
        parent, _, name = path.rpartition(".")
        if (
            prefix == (f"{parent}." if parent else "")
            and field.description.endswith(ALWAYS)
            and name not in document
        ):
            yield f"{path} is not always there"


def _of_value(fields: dict[str, Field], field: Field, type_name: str, value: Any) -> Iterator[str]:
    if type_name == "any":
        return
    found = _BSON.get(type(value), type(value).__name__)
    if type_name.startswith("array of ") and found == "array":
        for item in value:
            yield from _of_value(fields, field, type_name.removeprefix("array of "), item)
    elif found != ("string" if type_name == "YYYY-MM-DD" else type_name):
        yield f"{field.path} is {found}, and not {type_name}"
    elif type_name == "YYYY-MM-DD" and not _DAY.fullmatch(value):
        yield f"{field.path} is no YYYY-MM-DD"
    elif field.values and value not in field.values:
        yield f"{field.path} is {value}, and none of its words"
    elif type_name == "object" and any(path.startswith(f"{field.path}.") for path in fields):
        yield from _faults(fields, f"{field.path}.", value)


def _holds(value: Any, names: list[str]) -> bool:
    if isinstance(value, list):
        return any(_holds(item, names) for item in value)
    return not names or (names[0] in value and _holds(value[names[0]], names[1:]))

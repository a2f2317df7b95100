"""``fields``: a caller names the fields they want; the others are neither fetched nor sent."""

from functools import cache
from typing import Annotated, Any, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field, create_model

from app.api.auth.audit import AUDITED_IDS
from app.api.http.problems import ProblemError

M = TypeVar("M", bound=BaseModel)

_MAX_LENGTH, _MAX_NAME_LENGTH, _MAX_NAMES = 1_000, 64, 8
Fields = Annotated[
    str | None,
    Query(
        max_length=_MAX_LENGTH,
        description="The fields to return, separated by commas. The identifier is always included.",
    ),
]


class FieldSelection:
    """The selected fields of a model, by attribute."""

    def __init__(self, model: type[BaseModel], attributes: frozenset[str]) -> None:
        self._stored = {name: _stored_name(model, name) for name in model.model_fields}
        self._selected = attributes

    def projection(self, *more: str) -> dict[str, int]:
        """The projection for MongoDB: the fields, those of the audit log's line, and ``more``."""
        audited = (name for name in AUDITED_IDS if name in self._stored)
        return dict.fromkeys([*(self._stored[name] for name in (*self._selected, *audited)), *more], 1)

    def trimmed(self, document: M) -> M:
        """The document with the selected fields only."""
        rest = type(document).model_fields.keys() - self._selected
        return document.model_copy(update=dict.fromkeys(rest))


def select_fields(model: type[BaseModel], names: str | None) -> FieldSelection | None:
    """What ``fields`` names; None without it. Raises ProblemError (400) for an unknown name."""
    if names is None:
        return None
    attributes = {field.serialization_alias or name: name for name, field in model.model_fields.items()}
    wanted = [name.strip() for name in names.split(",")]
    if unknown := [name for name in wanted if name not in attributes]:
        listed = ", ".join(repr(name[:_MAX_NAME_LENGTH]) for name in unknown[:_MAX_NAMES])
        detail = f"fields: unknown: {listed}. Fields: {', '.join(sorted(attributes))}."
        raise ProblemError(400, "unknown_field", detail)
    identifier = (name for name in attributes.values() if _stored_name(model, name) == "_id")
    return FieldSelection(model, frozenset((*identifier, *(attributes[name] for name in wanted))))


def validated(model: type[M], document: dict[str, Any], fields: FieldSelection | None) -> M:
    """The model of a whole document, or of one of which only ``fields`` were fetched."""
    return (model if fields is None else _partial(model)).model_validate(document)


def _stored_name(model: type[BaseModel], attribute: str) -> str:
    return str(model.model_fields[attribute].validation_alias or attribute)


@cache
def _partial(model: type[M]) -> type[M]:
    """The model with every field optional. One per model: of selections, callers could make any number."""
    fields: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        kind: Any = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
        field: Any = Field(
            None, validation_alias=info.validation_alias, serialization_alias=info.serialization_alias
        )
        fields[name] = (kind | None, field)
    return create_model(f"{model.__name__}InPart", __base__=model, **fields)

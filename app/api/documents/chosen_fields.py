"""``fields``: a caller names what they want of documents, and the rest is neither fetched nor sent."""

from functools import cache
from typing import Annotated, Any, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field, create_model

from app.api.auth.audit import IDS
from app.api.http.problems import ProblemError

M = TypeVar("M", bound=BaseModel)

_LONGEST, _LONGEST_NAME, _MOST_NAMES = 1_000, 64, 8
Fields = Annotated[
    str | None,
    Query(
        max_length=_LONGEST,
        description="What to show of each: names of fields with commas between. The identifier always is.",
    ),
]


class Chosen:
    """The fields of a model that are wanted, by the attributes that hold them."""

    def __init__(self, model: type[BaseModel], attributes: frozenset[str]) -> None:
        self._stored = {name: _stored_as(model, name) for name in model.model_fields}
        self._wanted = attributes

    def projection(self, *besides: str) -> dict[str, int]:
        """What MongoDB is asked for: the fields, those of the audit log's line, and some ``besides``."""
        logged = (name for name in IDS if name in self._stored)
        return dict.fromkeys([*(self._stored[name] for name in (*self._wanted, *logged)), *besides], 1)

    def partial(self, model: type[M]) -> type[M]:
        """The model for a document of which only these fields were fetched."""
        return _partial(model)

    def trimmed(self, document: M) -> M:
        """The document without what is not wanted."""
        rest = type(document).model_fields.keys() - self._wanted
        return document.model_copy(update=dict.fromkeys(rest))


def chosen(model: type[BaseModel], names: str | None) -> Chosen | None:
    """What ``fields`` names; None without it. Raises ProblemError (400) for a name that the model has not."""
    if names is None:
        return None
    attributes = _attributes(model)
    wanted = [name.strip() for name in names.split(",")]
    if unknown := [name for name in wanted if name not in attributes]:
        told = ", ".join(repr(name[:_LONGEST_NAME]) for name in unknown[:_MOST_NAMES])
        detail = f"fields: no such field as {told}. There are: {', '.join(sorted(attributes))}."
        raise ProblemError(400, "unknown_field", detail)
    identifier = (name for name in attributes.values() if _stored_as(model, name) == "_id")
    return Chosen(model, frozenset((*identifier, *(attributes[name] for name in wanted))))


def validated(model: type[M], document: dict[str, Any], fields: Chosen | None) -> M:
    """The model of a document that is whole, or of which ``fields`` were fetched."""
    return (model if fields is None else fields.partial(model)).model_validate(document)


def _stored_as(model: type[BaseModel], attribute: str) -> str:
    return str(model.model_fields[attribute].validation_alias or attribute)


@cache
def _attributes(model: type[BaseModel]) -> dict[str, str]:
    """Those of a model, by what callers call them."""
    return {_shown_as(model, name): name for name in model.model_fields}


def _shown_as(model: type[BaseModel], attribute: str) -> str:
    return model.model_fields[attribute].serialization_alias or attribute


@cache
def _partial(model: type[M]) -> type[M]:
    """The model with every field optional: not made by what callers ask for, of which there is no end."""
    fields: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        kind: Any = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
        field: Any = Field(
            None, validation_alias=info.validation_alias, serialization_alias=info.serialization_alias
        )
        fields[name] = (kind | None, field)
    return create_model(f"{model.__name__}InPart", __base__=model, **fields)

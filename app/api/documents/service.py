"""Reads one document, and answers with it: the audit log, ``fields`` and the ETag, in one way.

With ``fields``, a caller names the fields they want; the others are neither fetched nor sent.
"""

from datetime import datetime
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeVar

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field, create_model

from app.api.auth.audit import AUDITED_IDS, log_read
from app.api.http.etags import tagged
from app.api.http.problems import ProblemError
from app.api.services import Database
from app.errors import NotFoundError
from app.operations.servers import Servers
from app.projections.engine.documents import FAULTED, Document
from app.projections.engine.reading import EventReader
from app.projections.read_models.catalogue import all_projections
from app.projections.read_models.loan_accounts.document import REPORTS
from app.projections.rebuild.one_document import document_as_of

M = TypeVar("M", bound=BaseModel)

NOT_IN_SUMMARIES = ("utterances", "noticeboard", "assessments", "applicationData")
"""Fields of a conversation that its summary leaves out, and that may be large."""
NOT_READ = (REPORTS,)
"""Fields of the projector's own that may be large."""

_MAX_LENGTH, _MAX_NAME_LENGTH, _MAX_NAMES = 1_000, 64, 8
Fields = Annotated[
    str | None,
    Query(
        max_length=_MAX_LENGTH,
        description="The fields to return, separated by commas. The identifier is always included.",
    ),
]


class FieldSelection(NamedTuple):
    """The selected fields of a model, by attribute."""

    model: type[BaseModel]
    selected: frozenset[str]

    def projection(self, *more: str) -> dict[str, int]:
        """The projection for MongoDB: the fields, those of the audit log's line, and ``more``."""
        read = self.selected | (AUDITED_IDS.keys() & self.model.model_fields.keys())
        return dict.fromkeys([*(_stored_name(self.model, name) for name in read), *more], 1)

    def trimmed(self, document: M) -> M:
        """The document with the selected fields only."""
        rest = type(document).model_fields.keys() - self.selected
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


def folded(servers: Servers, collection: str, identifier: str, at: datetime) -> Document | None:
    """The document as of a time, from the events; None if it did not exist.

    Raises ProjectionFault for an event that cannot be read, and one of EVENT_STORE_ERRORS.
    """
    projection = all_projections(servers.settings)[collection]
    reader = EventReader(servers.event_store(), projection.topics(), collection)
    return document_as_of(projection, reader, identifier, at)


async def one_document(
    database: Database,
    collection: str,
    kind: str,
    identifier: str,
    headers: dict[str, str],
    fields: FieldSelection | None = None,
) -> dict[str, Any]:
    """A document by its id. Raises NotFoundError, and ProblemError (503) if it was set aside while empty.

    One that was set aside later is shown as it was, with a header that says so.
    """
    projection = dict.fromkeys(NOT_READ, 0) if fields is None else fields.projection(FAULTED)
    document = await database[collection].find_one({"_id": identifier}, projection)
    if document is None:
        raise NotFoundError(kind, identifier)
    if (fault := document.get(FAULTED)) is not None:
        if fault.get("empty"):
            detail = (
                f"The {kind} {identifier} cannot be shown: one of its events could not be applied. "
                "Operators see it in the status, and can rebuild it."
            )
            raise ProblemError(503, "document_set_aside", detail)
        headers["Billie-Stale-Since-Position"] = str(fault["position"])
    return document


def represented(
    request: Request,
    document: BaseModel,
    fields: FieldSelection | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """The answer that shows a document, logged, with its ETag and further headers."""
    log_read(request, document)
    return tagged(request, document if fields is None else fields.trimmed(document), headers or {})

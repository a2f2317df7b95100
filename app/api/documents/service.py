"""Reads one document, and answers with it: the audit log, ``fields`` and the ETag, in one way."""

from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

from app.api.auth.audit import log_read
from app.api.documents.field_selection import FieldSelection
from app.api.http.etags import tagged
from app.api.http.problems import ProblemError
from app.api.services import Database
from app.errors import NotFoundError
from app.projections.engine.documents import FAULTED
from app.projections.read_models.loan_accounts.document import REPORTS

NOT_IN_SUMMARIES = ("utterances", "noticeboard", "assessments", "applicationData")
"""Fields of a conversation that its summary leaves out, and that may be large."""
NOT_READ = (REPORTS,)
"""Fields of the projector's own that may be large."""


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

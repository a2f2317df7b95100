"""Write-off requests from the event store: never older than an earlier answer."""

from datetime import UTC, datetime
from uuid import uuid5

from fastapi import Request

from app.aggregates.base import NAMESPACE
from app.api.services import services_of
from app.operations.servers import Servers
from app.projections.engine.reading import EventReader
from app.projections.engine.values import Document
from app.projections.read_models.write_off_requests.document import WriteOffRequestDocument
from app.projections.read_models.write_off_requests.read_model import WriteOffRequests
from app.projections.rebuild.one_document import document_as_of
from app.runtime.servers.store_threads import in_thread

_WRITE_OFF_REQUESTS = WriteOffRequests()
_NOW = datetime.max.replace(tzinfo=UTC)
"""All events, also those of a process whose clock is ahead."""


def request_id_of(idempotency_key: str) -> str:
    """The id of the request with a key: always the same, so that a retry meets the first one."""
    return str(uuid5(NAMESPACE, f"WriteOffRequest/{idempotency_key}"))


async def stored_request(request: Request, request_id: str) -> WriteOffRequestDocument | None:
    """The request as stored now, without waiting for a projection.

    Raises ProjectionFault for an event that cannot be read, and one of EVENT_STORE_ERRORS.
    """
    found = await in_thread(_fold, services_of(request).servers, request_id)
    return None if found is None else WriteOffRequestDocument.model_validate(found)


def _fold(servers: Servers, request_id: str) -> Document | None:
    topics = _WRITE_OFF_REQUESTS.topics()
    reader = EventReader(servers.event_store_for_commands(), topics, _WRITE_OFF_REQUESTS.name)
    return document_as_of(_WRITE_OFF_REQUESTS, reader, request_id, _NOW)

"""Write-off requests from the event store: never older than an earlier answer."""

from uuid import uuid5

from fastapi import Request

from app.aggregates import WriteOffRequest
from app.aggregates.base import NAMESPACE
from app.api.services import services_of
from app.projections.read_models.write_off_requests import WriteOffRequestDocument, WriteOffRequests
from app.runtime.servers.store_threads import in_thread

_WRITE_OFF_REQUESTS = WriteOffRequests()


def request_id_of(idempotency_key: str) -> str:
    """The id of the request with a key: always the same, so that a retry meets the first one."""
    return str(uuid5(NAMESPACE, f"WriteOffRequest/{idempotency_key}"))


async def stored_request(request: Request, request_id: str) -> WriteOffRequestDocument | None:
    """The request as stored now, without waiting for a projection. Raises one of EVENT_STORE_ERRORS."""
    store = services_of(request).money.store
    document = None
    for event in await in_thread(store.events, request_id, WriteOffRequest):
        document = _WRITE_OFF_REQUESTS.evolve(document, event)
    return (
        None if document is None else WriteOffRequestDocument.model_validate({**document, "_id": request_id})
    )

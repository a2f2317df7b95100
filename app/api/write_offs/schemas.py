"""Write-off requests as the API shows them, from the aggregate: never older than what was answered before."""

from fastapi import Request

from app.aggregates import WriteOffRequest
from app.ledger.money.movements import Money
from app.projections.read_models.write_off_requests import WriteOffRequestDocument, WriteOffRequests
from app.runtime.servers.store_threads import in_thread

_WRITE_OFF_REQUESTS = WriteOffRequests()


async def stored_request(request: Request, request_id: str) -> WriteOffRequestDocument | None:
    """The request as it is stored now: no projection is waited for. Raises one of EVENT_STORE_ERRORS."""
    money: Money = request.app.state.money
    document = None
    for event in await in_thread(money.store.events_of, WriteOffRequest, request_id):
        document = _WRITE_OFF_REQUESTS.evolve(document, event)
    return (
        None if document is None else WriteOffRequestDocument.model_validate({**document, "_id": request_id})
    )

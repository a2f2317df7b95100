"""The read routes: a list and a document for each shared collection."""

from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

from anyio import to_thread
from fastapi import Path, Query, Request, Response
from pydantic import BaseModel

from app.aggregates.customer import EkycStatus
from app.aggregates.loan_account.reports import AccountStatus
from app.api.auth.requirements import requires
from app.api.auth.roles import Role
from app.api.documents.listing import Filters, Listed, page
from app.api.documents.service import (
    NOT_IN_SUMMARIES,
    Fields,
    folded,
    one_document,
    represented,
    select_fields,
    validated,
)
from app.api.http.etags import TAGGED
from app.api.http.pages import MAX_ID_LENGTH, Identifier, Page
from app.api.http.problems import ProblemError, documented
from app.api.http.router import Route, Router
from app.api.http.time_bounds import From
from app.api.services import services_of
from app.errors import NotFoundError
from app.operations.servers import Servers
from app.projections.read_models.conversations.document import ConversationDocument, ConversationSummary
from app.projections.read_models.customers import CustomerDocument
from app.projections.read_models.loan_accounts.document import LoanAccountDocument

_requirement = requires(Role.READONLY)

AsOf = Annotated[
    From | None,
    Query(
        alias="asOf",
        description="The document as of this time, from the events recorded by then: a time, or a day, which "
        "means its start (UTC). `Billie-As-Of` repeats the time.",
    ),
]


async def document_then(
    servers: Servers, collection: str, kind: str, identifier: str, at: datetime, headers: dict[str, str]
) -> dict[str, Any]:
    """As :func:`folded`, with a header that says so. 404 if it did not exist, 400 for a future time."""
    if at > datetime.now(UTC):
        raise ProblemError(400, "future_moment", "asOf: the time is in the future.")
    found = await to_thread.run_sync(folded, servers, collection, identifier, at)
    then = at.isoformat().replace("+00:00", "Z")
    if found is None:
        raise NotFoundError(kind, identifier, f" as of {then}")
    headers["Billie-As-Of"] = then
    return found


class DocumentRoute(Route):
    """Calls the endpoint, which takes a request and an identifier, itself if a request has no query.

    Solving absent parameters takes as long as the rest of a read: without this, a read would cost more than
    1.5 bare ones. Requests with a query go the framework's way.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        solved, endpoint = super().get_route_handler(), self.endpoint
        (parameter,) = self.dependant.path_params

        async def handle(request: Request) -> Response:
            identifier = request.path_params[parameter.alias]
            if request.scope["query_string"] or len(identifier) > MAX_ID_LENGTH:
                return await solved(request)
            await _requirement(request)
            answer: Response = await endpoint(request, identifier)
            return answer

        return handle


router = Router("/v1")


@router.get("/customers", tags=["customers"])
async def list_customers(
    request: Request,
    listing: Listed,
    customerId: Identifier | None = None,  # noqa: N803 - the wire's name
    status: EkycStatus | None = None,
) -> Page[CustomerDocument]:
    """List customers; `status` is the outcome of the identity check (`ekycStatus`)."""
    return await page(
        request, "customers", CustomerDocument, listing, {"_id": customerId, "ekycStatus": status}
    )


@router.get("/loan-accounts", tags=["loan accounts"])
async def list_loan_accounts(
    request: Request,
    listing: Listed,
    customerId: Identifier | None = None,  # noqa: N803
    status: AccountStatus | None = None,
) -> Page[LoanAccountDocument]:
    """List loan accounts; `status` is the `accountStatus`; `in_arrears` finds all that are `inArrears`."""
    wanted: Filters = {"inArrears": True} if status == "in_arrears" else {"accountStatus": status}
    filters = {"customerId": customerId, **wanted}
    return await page(request, "loan-accounts", LoanAccountDocument, listing, filters)


@router.get("/conversations", tags=["conversations"])
async def list_conversations(
    request: Request,
    listing: Listed,
    customerId: Identifier | None = None,  # noqa: N803
    status: Identifier | None = None,
) -> Page[ConversationSummary]:
    """List conversations, without their utterances."""
    filters = {"customerId": customerId, "status": status}
    return await page(
        request, "conversations", ConversationSummary, listing, filters, exclude=NOT_IN_SUMMARIES
    )


class _Kind(NamedTuple):
    """A kind of document that is read by its id."""

    noun: str
    collection: str
    parameter: str
    model: type[BaseModel]
    description: str


_KINDS = (
    _Kind("customer", "customers", "customerId", CustomerDocument, "Get one customer."),
    _Kind("loan account", "loan-accounts", "loanAccountId", LoanAccountDocument, "Get one loan account."),
    _Kind(
        *("conversation", "conversations", "conversationId", ConversationDocument),
        "Get one conversation, with its newest utterances.",
    ),
)


def _endpoint(kind: _Kind) -> Callable[..., Awaitable[Response]]:
    async def endpoint(
        request: Request,
        identifier: Annotated[str, Path(alias=kind.parameter, min_length=1, max_length=MAX_ID_LENGTH)],
        as_of: AsOf = None,
        fields: Fields = None,
    ) -> Response:
        selection, headers = select_fields(kind.model, fields), dict[str, str]()
        where = (kind.collection, kind.noun, identifier)
        if as_of is None:
            found = await one_document(services_of(request).database, *where, headers, selection)
        else:
            found = await document_then(services_of(request).servers, *where, as_of, headers)
        return represented(request, validated(kind.model, found, selection), selection, headers)

    return endpoint


for _each in _KINDS:
    router.add_api_route(
        f"/{_each.collection}/{{{_each.parameter}}}",
        _endpoint(_each),
        tags=[f"{_each.noun}s"],
        operation_id=f"get{_each.noun.title().replace(' ', '')}",
        description=_each.description,
        responses=documented(404) | TAGGED,
        response_model=_each.model,
        route_class_override=DocumentRoute,
    )

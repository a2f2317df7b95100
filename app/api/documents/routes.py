"""The read routes: a list and a document for each shared collection."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pymongo.asynchronous.database import AsyncDatabase

from app.aggregates.customer import EkycStatus
from app.aggregates.loan_account.status import AccountStatus
from app.api.auth.requires import Authenticated
from app.api.documents.as_of import AsOf, document_then
from app.api.documents.chosen_fields import Chosen, Fields, chosen, validated
from app.api.documents.document_route import DocumentRoute
from app.api.documents.listing import Listed, page
from app.api.http.etags import TAGGED, represented
from app.api.http.pages import Identifier, Page
from app.api.http.problems import ProblemError, documented, not_found
from app.api.write_offs.schemas import stored_request
from app.event_store.errors import EVENT_STORE_ERRORS, UNREADABLE_ERRORS
from app.projections.engine.faults import FAULTED
from app.projections.read_models.conversations import ConversationDocument, ConversationSummary
from app.projections.read_models.customers import CustomerDocument
from app.projections.read_models.loan_accounts.document import LoanAccountDocument
from app.projections.read_models.write_off_requests import WriteOffRequestDocument, WriteOffStatus

router = APIRouter(
    prefix="/v1",
    route_class=DocumentRoute,
    dependencies=[Authenticated],
    responses=documented(400, 401, 403, 422, 503),
)

NOT_IN_SUMMARIES = ("utterances", "noticeboard", "assessments", "applicationData")
"""Fields of a conversation that its summary has no use for, and that may be large."""

Named = Annotated[str, Path(min_length=1, max_length=256)]


Database = AsyncDatabase[dict[str, Any]]


def database_of(request: Request) -> Database:
    """The process's one. It is no dependency, as one more to be solved would be felt in every read."""
    database: Database = request.app.state.database
    return database


async def one_document(
    response: Response,
    database: AsyncDatabase[dict[str, Any]],
    collection: str,
    kind: str,
    identifier: str,
    fields: Chosen | None = None,
) -> dict[str, Any]:
    """A document by its id. 404 without one, 503 for one that was set aside before it held anything."""
    projection = None if fields is None else fields.projection(FAULTED)
    document = await database[collection].find_one({"_id": identifier}, projection)
    if document is None:
        raise not_found(kind, identifier)
    if (fault := document.get(FAULTED)) is not None:
        if fault.get("empty"):
            raise ProblemError(
                503,
                "document_set_aside",
                f"The {kind} {identifier} cannot be shown: an event of it could not be folded. "
                "Operators see it in the status, and can rebuild it.",
            )
        # An older state is better than none for whoever knows that it is one.
        response.headers["Billie-Stale-Since-Position"] = str(fault["position"])
    return document


@router.get("/customers", tags=["customers"], operation_id="listCustomers", response_model_exclude_none=True)
async def list_customers(
    request: Request,
    listing: Listed,
    customerId: Identifier | None = None,  # noqa: N803 - the wire's name
    status: EkycStatus | None = None,
    fields: Fields = None,
) -> Page[CustomerDocument]:
    """List customers; `status` is the outcome of the identity check (`ekycStatus`)."""
    database = database_of(request)
    wanted = chosen(CustomerDocument, fields)
    filters = {"_id": customerId, "ekycStatus": status}
    return await page(
        request, database["customers"], filters, model=CustomerDocument, listing=listing, fields=wanted
    )


@router.get(
    "/customers/{customerId}",
    tags=["customers"],
    operation_id="getCustomer",
    responses=documented(404) | TAGGED,
    response_model=CustomerDocument,
)
async def get_customer(
    request: Request,
    response: Response,
    customerId: Named,  # noqa: N803
    asOf: AsOf = None,  # noqa: N803
    fields: Fields = None,
) -> Response:
    """Get one customer."""
    database = database_of(request)
    wanted = chosen(CustomerDocument, fields)
    if asOf is None:
        found = await one_document(response, database, "customers", "customer", customerId, wanted)
    else:
        found = await document_then(request, response, "customers", "customer", customerId, asOf)
    return represented(request, response, validated(CustomerDocument, found, wanted), wanted)


@router.get(
    "/loan-accounts",
    tags=["loan accounts"],
    operation_id="listLoanAccounts",
    response_model_exclude_none=True,
)
async def list_loan_accounts(
    request: Request,
    listing: Listed,
    customerId: Identifier | None = None,  # noqa: N803
    status: AccountStatus | None = None,
    fields: Fields = None,
) -> Page[LoanAccountDocument]:
    """List loan accounts; `status` is the `accountStatus`."""
    database = database_of(request)
    wanted = chosen(LoanAccountDocument, fields)
    filters = {"customerId": customerId, "accountStatus": status}
    return await page(
        request, database["loan-accounts"], filters, model=LoanAccountDocument, listing=listing, fields=wanted
    )


@router.get(
    "/loan-accounts/{loanAccountId}",
    tags=["loan accounts"],
    operation_id="getLoanAccount",
    responses=documented(404) | TAGGED,
    response_model=LoanAccountDocument,
)
async def get_loan_account(
    request: Request,
    response: Response,
    loanAccountId: Named,  # noqa: N803
    asOf: AsOf = None,  # noqa: N803
    fields: Fields = None,
) -> Response:
    """Get one loan account."""
    database = database_of(request)
    wanted = chosen(LoanAccountDocument, fields)
    if asOf is None:
        found = await one_document(response, database, "loan-accounts", "loan account", loanAccountId, wanted)
    else:
        found = await document_then(request, response, "loan-accounts", "loan account", loanAccountId, asOf)
    return represented(request, response, validated(LoanAccountDocument, found, wanted), wanted)


@router.get(
    "/conversations",
    tags=["conversations"],
    operation_id="listConversations",
    response_model_exclude_none=True,
)
async def list_conversations(
    request: Request,
    listing: Listed,
    customerId: Identifier | None = None,  # noqa: N803
    status: Identifier | None = None,
    fields: Fields = None,
) -> Page[ConversationSummary]:
    """List conversations, without what was said in them."""
    database = database_of(request)
    wanted = chosen(ConversationSummary, fields)
    return await page(
        request,
        database["conversations"],
        {"customerId": customerId, "status": status},
        model=ConversationSummary,
        listing=listing,
        fields=wanted,
        leave_out=NOT_IN_SUMMARIES,
    )


@router.get(
    "/conversations/{conversationId}",
    tags=["conversations"],
    operation_id="getConversation",
    responses=documented(404) | TAGGED,
    response_model=ConversationDocument,
)
async def get_conversation(
    request: Request,
    response: Response,
    conversationId: Named,  # noqa: N803
    asOf: AsOf = None,  # noqa: N803
    fields: Fields = None,
) -> Response:
    """Get one conversation, with the newest of what was said in it."""
    database = database_of(request)
    wanted = chosen(ConversationDocument, fields)
    if asOf is None:
        found = await one_document(
            response, database, "conversations", "conversation", conversationId, wanted
        )
    else:
        found = await document_then(request, response, "conversations", "conversation", conversationId, asOf)
    return represented(request, response, validated(ConversationDocument, found, wanted), wanted)


@router.get(
    "/write-off-requests",
    tags=["write-offs"],
    operation_id="listWriteOffRequests",
    response_model_exclude_none=True,
)
async def list_write_off_requests(
    request: Request,
    listing: Listed,
    customerId: Identifier | None = None,  # noqa: N803
    loanAccountId: Identifier | None = None,  # noqa: N803
    status: WriteOffStatus | None = None,
    fields: Fields = None,
) -> Page[WriteOffRequestDocument]:
    """List write-off requests."""
    database = database_of(request)
    wanted = chosen(WriteOffRequestDocument, fields)
    filters = {"customerId": customerId, "loanAccountId": loanAccountId, "status": status}
    return await page(
        request,
        database["write-off-requests"],
        filters,
        model=WriteOffRequestDocument,
        listing=listing,
        fields=wanted,
    )


@router.get(
    "/write-off-requests/{requestId}",
    tags=["write-offs"],
    operation_id="getWriteOffRequest",
    responses=documented(404) | TAGGED,
    response_model=WriteOffRequestDocument,
)
async def get_write_off_request(
    request: Request,
    response: Response,
    requestId: Named,  # noqa: N803
    fields: Fields = None,
) -> Response:
    """Get one write-off request, as it is stored: no projection is waited for."""
    database = database_of(request)
    wanted = chosen(WriteOffRequestDocument, fields)
    try:
        found = await stored_request(request, requestId)
    except (*EVENT_STORE_ERRORS, *UNREADABLE_ERRORS):
        found = None  # While the store is away, or ahead of this release, what was projected is shown.
    if found is None:
        found = WriteOffRequestDocument.model_validate(
            await one_document(response, database, "write-off-requests", "write-off request", requestId)
        )
    return represented(request, response, found, wanted)

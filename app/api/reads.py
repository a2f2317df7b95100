"""The read routes: a list and a document for each shared collection."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pymongo.asynchronous.database import AsyncDatabase

from app.aggregates import EVENT_STORE_ERRORS
from app.api.as_of import AsOf, document_then
from app.api.auth import Authenticated
from app.api.chosen_fields import Chosen, FieldsOf, validated
from app.api.listing import Listed, page
from app.api.pages import Identifier, Page, refuse_unknown_parameters
from app.api.problems import ProblemError, documented, not_found
from app.api.representations import TAGGED, represented
from app.api.write_offs_shown import stored_request
from app.documents.conversations import Conversation, ConversationSummary
from app.documents.customers import Customer
from app.documents.loan_accounts import AccountStatus, LoanAccount
from app.documents.write_off_requests import WriteOffRequest, WriteOffStatus
from app.ingestion.messages.customer import EkycStatus
from app.projections.faults import FAULTED

router = APIRouter(
    prefix="/v1",
    dependencies=[Authenticated, Depends(refuse_unknown_parameters)],
    responses=documented(400, 401, 403, 422, 503),
)

NOT_IN_SUMMARIES = ("utterances", "noticeboard", "assessments", "applicationData")
"""Fields of a conversation that its summary has no use for, and that may be large."""

Named = Annotated[str, Path(min_length=1, max_length=256)]


async def _database(request: Request) -> AsyncDatabase[dict[str, Any]]:
    database: AsyncDatabase[dict[str, Any]] = request.app.state.database
    return database


Database = Annotated[AsyncDatabase[dict[str, Any]], Depends(_database)]


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
    database: Database,
    listing: Listed,
    fields: Annotated[Chosen | None, Depends(FieldsOf(Customer))],
    customerId: Identifier | None = None,  # noqa: N803 - the wire's name
    status: EkycStatus | None = None,
) -> Page[Customer]:
    """List customers; `status` is the outcome of the identity check (`ekycStatus`)."""
    filters = {"_id": customerId, "ekycStatus": status}
    return await page(request, database["customers"], filters, model=Customer, listing=listing, fields=fields)


@router.get(
    "/customers/{customerId}",
    tags=["customers"],
    operation_id="getCustomer",
    responses=documented(404) | TAGGED,
    response_model=Customer,
)
async def get_customer(
    request: Request,
    response: Response,
    database: Database,
    customerId: Named,  # noqa: N803
    fields: Annotated[Chosen | None, Depends(FieldsOf(Customer))],
    asOf: AsOf = None,  # noqa: N803
) -> Response:
    """Get one customer."""
    if asOf is None:
        found = await one_document(response, database, "customers", "customer", customerId, fields)
    else:
        found = await document_then(request, response, "customers", "customer", customerId, asOf)
    return represented(request, response, validated(Customer, found, fields), fields)


@router.get(
    "/loan-accounts",
    tags=["loan accounts"],
    operation_id="listLoanAccounts",
    response_model_exclude_none=True,
)
async def list_loan_accounts(
    request: Request,
    database: Database,
    listing: Listed,
    fields: Annotated[Chosen | None, Depends(FieldsOf(LoanAccount))],
    customerId: Identifier | None = None,  # noqa: N803
    status: AccountStatus | None = None,
) -> Page[LoanAccount]:
    """List loan accounts; `status` is the `accountStatus`."""
    filters = {"customerId": customerId, "accountStatus": status}
    return await page(
        request, database["loan-accounts"], filters, model=LoanAccount, listing=listing, fields=fields
    )


@router.get(
    "/loan-accounts/{loanAccountId}",
    tags=["loan accounts"],
    operation_id="getLoanAccount",
    responses=documented(404) | TAGGED,
    response_model=LoanAccount,
)
async def get_loan_account(
    request: Request,
    response: Response,
    database: Database,
    loanAccountId: Named,  # noqa: N803
    fields: Annotated[Chosen | None, Depends(FieldsOf(LoanAccount))],
    asOf: AsOf = None,  # noqa: N803
) -> Response:
    """Get one loan account."""
    if asOf is None:
        found = await one_document(response, database, "loan-accounts", "loan account", loanAccountId, fields)
    else:
        found = await document_then(request, response, "loan-accounts", "loan account", loanAccountId, asOf)
    return represented(request, response, validated(LoanAccount, found, fields), fields)


@router.get(
    "/conversations",
    tags=["conversations"],
    operation_id="listConversations",
    response_model_exclude_none=True,
)
async def list_conversations(
    request: Request,
    database: Database,
    listing: Listed,
    fields: Annotated[Chosen | None, Depends(FieldsOf(ConversationSummary))],
    customerId: Identifier | None = None,  # noqa: N803
    status: Identifier | None = None,
) -> Page[ConversationSummary]:
    """List conversations, without what was said in them."""
    return await page(
        request,
        database["conversations"],
        {"customerId": customerId, "status": status},
        model=ConversationSummary,
        listing=listing,
        fields=fields,
        leave_out=NOT_IN_SUMMARIES,
    )


@router.get(
    "/conversations/{conversationId}",
    tags=["conversations"],
    operation_id="getConversation",
    responses=documented(404) | TAGGED,
    response_model=Conversation,
)
async def get_conversation(
    request: Request,
    response: Response,
    database: Database,
    conversationId: Named,  # noqa: N803
    fields: Annotated[Chosen | None, Depends(FieldsOf(Conversation))],
    asOf: AsOf = None,  # noqa: N803
) -> Response:
    """Get one conversation, with the newest of what was said in it."""
    if asOf is None:
        found = await one_document(
            response, database, "conversations", "conversation", conversationId, fields
        )
    else:
        found = await document_then(request, response, "conversations", "conversation", conversationId, asOf)
    return represented(request, response, validated(Conversation, found, fields), fields)


@router.get(
    "/write-off-requests",
    tags=["write-offs"],
    operation_id="listWriteOffRequests",
    response_model_exclude_none=True,
)
async def list_write_off_requests(
    request: Request,
    database: Database,
    listing: Listed,
    fields: Annotated[Chosen | None, Depends(FieldsOf(WriteOffRequest))],
    customerId: Identifier | None = None,  # noqa: N803
    loanAccountId: Identifier | None = None,  # noqa: N803
    status: WriteOffStatus | None = None,
) -> Page[WriteOffRequest]:
    """List write-off requests."""
    filters = {"customerId": customerId, "loanAccountId": loanAccountId, "status": status}
    return await page(
        request,
        database["write-off-requests"],
        filters,
        model=WriteOffRequest,
        listing=listing,
        fields=fields,
    )


@router.get(
    "/write-off-requests/{requestId}",
    tags=["write-offs"],
    operation_id="getWriteOffRequest",
    responses=documented(404) | TAGGED,
    response_model=WriteOffRequest,
)
async def get_write_off_request(
    request: Request,
    response: Response,
    database: Database,
    requestId: Named,  # noqa: N803
    fields: Annotated[Chosen | None, Depends(FieldsOf(WriteOffRequest))],
) -> Response:
    """Get one write-off request, as it is stored: no projection is waited for."""
    try:
        found = await stored_request(request, requestId)
    except EVENT_STORE_ERRORS:
        found = None  # While the store is away, what was projected is shown.
    if found is None:
        found = WriteOffRequest.model_validate(
            await one_document(response, database, "write-off-requests", "write-off request", requestId)
        )
    return represented(request, response, found, fields)

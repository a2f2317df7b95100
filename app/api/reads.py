"""The read routes: a list and a document for each shared collection."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from pymongo.asynchronous.database import AsyncDatabase

from app.api.audit import Shown, logged
from app.api.auth import Authenticated
from app.api.documents import Conversation, ConversationSummary, Customer, LoanAccount, WriteOffRequest
from app.api.pages import Cursor, Identifier, Limit, Page, page, refuse_unknown_parameters
from app.api.problems import ProblemError, documented, not_found
from app.projections.faults import FAULTED

router = APIRouter(
    prefix="/v1",
    dependencies=[Authenticated, Depends(refuse_unknown_parameters)],
    responses=documented(400, 401, 403, 422, 503),
)

Named = Annotated[str, Path(min_length=1, max_length=256)]


async def _database(request: Request) -> AsyncDatabase[dict[str, Any]]:
    database: AsyncDatabase[dict[str, Any]] = request.app.state.database
    return database


Database = Annotated[AsyncDatabase[dict[str, Any]], Depends(_database)]


@dataclass(frozen=True)
class _Documents:
    """Single documents, for one request."""

    request: Request
    response: Response

    async def one(self, model: type[Shown], collection: str, kind: str, identifier: str) -> Shown:
        """The document with this id, as it is shown. Raises ProblemError where there is none to show."""
        document = await self.request.app.state.database[collection].find_one({"_id": identifier})
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
            self.response.headers["Billie-Stale-Since-Position"] = str(fault["position"])
        return logged(self.request, model.model_validate(document))


async def _documents(request: Request, response: Response) -> _Documents:
    return _Documents(request, response)


Documents = Annotated[_Documents, Depends(_documents)]


@router.get("/customers", tags=["customers"], operation_id="listCustomers", response_model_exclude_none=True)
async def list_customers(
    request: Request,
    database: Database,
    customerId: Identifier | None = None,  # noqa: N803 - the wire's name
    status: Literal["successful", "failed", "pending"] | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Customer]:
    """List customers, newest first; `status` is the outcome of the identity check (`ekycStatus`)."""
    filters = {"_id": customerId, "ekycStatus": status}
    return await page(request, database["customers"], filters, model=Customer, limit=limit, cursor=cursor)


@router.get(
    "/customers/{customerId}",
    tags=["customers"],
    operation_id="getCustomer",
    responses=documented(404),
    response_model_exclude_none=True,
)
async def get_customer(documents: Documents, customerId: Named) -> Customer:  # noqa: N803
    """Get one customer."""
    return await documents.one(Customer, "customers", "customer", customerId)


@router.get(
    "/loan-accounts",
    tags=["loan accounts"],
    operation_id="listLoanAccounts",
    response_model_exclude_none=True,
)
async def list_loan_accounts(
    request: Request,
    database: Database,
    customerId: Identifier | None = None,  # noqa: N803
    status: Literal["active", "pending_disbursement", "in_arrears", "paid_off", "written_off"] | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[LoanAccount]:
    """List loan accounts, newest first; `status` is the `accountStatus`."""
    filters = {"customerId": customerId, "accountStatus": status}
    return await page(
        request, database["loan-accounts"], filters, model=LoanAccount, limit=limit, cursor=cursor
    )


@router.get(
    "/loan-accounts/{loanAccountId}",
    tags=["loan accounts"],
    operation_id="getLoanAccount",
    responses=documented(404),
    response_model_exclude_none=True,
)
async def get_loan_account(documents: Documents, loanAccountId: Named) -> LoanAccount:  # noqa: N803
    """Get one loan account."""
    return await documents.one(LoanAccount, "loan-accounts", "loan account", loanAccountId)


@router.get(
    "/conversations",
    tags=["conversations"],
    operation_id="listConversations",
    response_model_exclude_none=True,
)
async def list_conversations(
    request: Request,
    database: Database,
    customerId: Identifier | None = None,  # noqa: N803
    status: Identifier | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ConversationSummary]:
    """List conversations, newest first, without what was said in them."""
    return await page(
        request,
        database["conversations"],
        {"customerId": customerId, "status": status},
        model=ConversationSummary,
        limit=limit,
        cursor=cursor,
        leave_out=("utterances", "noticeboard", "assessments", "applicationData"),
    )


@router.get(
    "/conversations/{conversationId}",
    tags=["conversations"],
    operation_id="getConversation",
    responses=documented(404),
    response_model_exclude_none=True,
)
async def get_conversation(documents: Documents, conversationId: Named) -> Conversation:  # noqa: N803
    """Get one conversation, with the newest of what was said in it."""
    return await documents.one(Conversation, "conversations", "conversation", conversationId)


@router.get(
    "/write-off-requests",
    tags=["write-offs"],
    operation_id="listWriteOffRequests",
    response_model_exclude_none=True,
)
async def list_write_off_requests(
    request: Request,
    database: Database,
    customerId: Identifier | None = None,  # noqa: N803
    status: Literal["pending", "approved", "rejected", "cancelled"] | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[WriteOffRequest]:
    """List write-off requests, newest first."""
    filters = {"customerId": customerId, "status": status}
    return await page(
        request, database["write-off-requests"], filters, model=WriteOffRequest, limit=limit, cursor=cursor
    )


@router.get(
    "/write-off-requests/{requestId}",
    tags=["write-offs"],
    operation_id="getWriteOffRequest",
    responses=documented(404),
    response_model_exclude_none=True,
)
async def get_write_off_request(documents: Documents, requestId: Named) -> WriteOffRequest:  # noqa: N803
    """Get one write-off request."""
    return await documents.one(WriteOffRequest, "write-off-requests", "write-off request", requestId)

"""The read routes: a list and a document for each shared collection."""

from datetime import datetime
from typing import NamedTuple, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel

from app.aggregates.customer import EkycStatus
from app.aggregates.loan_account.status import AccountStatus
from app.api.auth.requirements import Authenticated
from app.api.documents.as_of import AsOf, document_then
from app.api.documents.document_route import DocumentRoute
from app.api.documents.field_selection import Fields, select_fields, validated
from app.api.documents.listing import Listed, page
from app.api.documents.service import NOT_IN_SUMMARIES, one_document, represented
from app.api.http.etags import TAGGED
from app.api.http.pages import ConversationId, CustomerId, Identifier, LoanAccountId, Page
from app.api.http.problems import documented
from app.api.http.router import Router
from app.api.services import services_of
from app.projections.read_models.conversations.document import ConversationDocument, ConversationSummary
from app.projections.read_models.customers import CustomerDocument
from app.projections.read_models.loan_accounts.document import LoanAccountDocument

router = Router(
    prefix="/v1",
    route_class=DocumentRoute,
    dependencies=[Authenticated],
    responses=documented(400, 401, 403, 422, 503),
)

M = TypeVar("M", bound=BaseModel)


class _Read(NamedTuple):
    """What a caller asks of one document."""

    id: str
    as_of: datetime | None
    fields: str | None


@router.get("/customers", tags=["customers"])
async def list_customers(
    request: Request,
    listing: Listed,
    customerId: Identifier | None = None,  # noqa: N803 - the wire's name
    status: EkycStatus | None = None,
    fields: Fields = None,
) -> Page[CustomerDocument]:
    """List customers; `status` is the outcome of the identity check (`ekycStatus`)."""
    filters = {"_id": customerId, "ekycStatus": status}
    return await page(request, "customers", filters, model=CustomerDocument, listing=listing, fields=fields)


@router.get(
    "/customers/{customerId}",
    tags=["customers"],
    responses=documented(404) | TAGGED,
    response_model=CustomerDocument,
)
async def get_customer(
    request: Request,
    response: Response,
    customer_id: CustomerId,
    as_of: AsOf = None,
    fields: Fields = None,
) -> Response:
    """Get one customer."""
    read = _Read(customer_id, as_of, fields)
    return await _document(request, response, "customers", "customer", CustomerDocument, read)


@router.get("/loan-accounts", tags=["loan accounts"])
async def list_loan_accounts(
    request: Request,
    listing: Listed,
    customerId: Identifier | None = None,  # noqa: N803
    status: AccountStatus | None = None,
    fields: Fields = None,
) -> Page[LoanAccountDocument]:
    """List loan accounts; `status` is the `accountStatus`."""
    filters = {"customerId": customerId, "accountStatus": status}
    return await page(
        request, "loan-accounts", filters, model=LoanAccountDocument, listing=listing, fields=fields
    )


@router.get(
    "/loan-accounts/{loanAccountId}",
    tags=["loan accounts"],
    responses=documented(404) | TAGGED,
    response_model=LoanAccountDocument,
)
async def get_loan_account(
    request: Request,
    response: Response,
    loan_account_id: LoanAccountId,
    as_of: AsOf = None,
    fields: Fields = None,
) -> Response:
    """Get one loan account."""
    read = _Read(loan_account_id, as_of, fields)
    return await _document(request, response, "loan-accounts", "loan account", LoanAccountDocument, read)


@router.get("/conversations", tags=["conversations"])
async def list_conversations(
    request: Request,
    listing: Listed,
    customerId: Identifier | None = None,  # noqa: N803
    status: Identifier | None = None,
    fields: Fields = None,
) -> Page[ConversationSummary]:
    """List conversations, without their utterances."""
    return await page(
        request,
        "conversations",
        {"customerId": customerId, "status": status},
        model=ConversationSummary,
        listing=listing,
        fields=fields,
        exclude=NOT_IN_SUMMARIES,
    )


@router.get(
    "/conversations/{conversationId}",
    tags=["conversations"],
    responses=documented(404) | TAGGED,
    response_model=ConversationDocument,
)
async def get_conversation(
    request: Request,
    response: Response,
    conversation_id: ConversationId,
    as_of: AsOf = None,
    fields: Fields = None,
) -> Response:
    """Get one conversation, with its newest utterances."""
    read = _Read(conversation_id, as_of, fields)
    return await _document(request, response, "conversations", "conversation", ConversationDocument, read)


async def _document(
    request: Request,
    response: Response,
    collection: str,
    kind: str,
    model: type[M],
    read: _Read,
) -> Response:
    selection = select_fields(model, read.fields)
    if read.as_of is None:
        database = services_of(request).database
        found = await one_document(response, database, collection, kind, read.id, selection)
    else:
        found = await document_then(request, response, collection, kind, read.id, read.as_of)
    return represented(request, response, validated(model, found, selection), selection)

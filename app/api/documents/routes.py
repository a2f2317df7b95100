"""The read routes: a list and a document for each shared collection."""

from collections.abc import Awaitable, Callable
from typing import Annotated, NamedTuple

from fastapi import Path, Request, Response
from pydantic import BaseModel

from app.aggregates.customer import EkycStatus
from app.aggregates.loan_account.status import AccountStatus
from app.api.documents.as_of import AsOf, document_then
from app.api.documents.document_route import DocumentRoute
from app.api.documents.field_selection import Fields, select_fields, validated
from app.api.documents.listing import Filters, Listed, page
from app.api.documents.service import NOT_IN_SUMMARIES, one_document, represented
from app.api.http.etags import TAGGED
from app.api.http.pages import MAX_ID_LENGTH, Identifier, Page
from app.api.http.problems import documented
from app.api.http.router import Router
from app.api.services import services_of
from app.projections.read_models.conversations.document import ConversationDocument, ConversationSummary
from app.projections.read_models.customers import CustomerDocument
from app.projections.read_models.loan_accounts.document import LoanAccountDocument

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

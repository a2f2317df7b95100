"""Who read what of whom is in the log: each read of something of a customer, by ids only."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from threading import Event
from typing import Any

import httpx
import pytest
from bson import Decimal128
from pymongo.database import Database
from redis import Redis

from app.aggregates import ContactNote, Conversation, Customer, LoanAccount, WriteOffRequest
from app.api.application import create_app
from app.api.auth.development_tokens import issue_token
from app.api.auth.role_table import rules
from app.event_store.application import Servicing
from app.ingestion.stream.publish import publish
from app.ledger.wire import accounting_ledger_pb2 as wire
from app.runtime.settings.settings import Settings
from tests.integration.api.ledger.test_ledger_reads import record, statement
from tests.support.api.money import KEY, REPAYMENT, REPAYMENTS
from tests.support.api.serving import serving
from tests.support.data.given import absorb, message, minute
from tests.support.data.projecting import On
from tests.support.data.random_events import ANN
from tests.support.roles import ingest
from tests.support.servers.scripted_ledger import balance, posts, scripted_ledger, transaction

AT = datetime(2026, 3, 1, tzinfo=UTC)
NAME, EMAIL, SAID = "Annabel Leeuwen", "annabel@mail.test", "my rent is due"
PERSONAL = (NAME, EMAIL, SAID)
ACCOUNT, CUSTOMER = {"loanAccountIds": ["L1"]}, {"customerIds": ["C1"]}
CONVERSATION = CUSTOMER | {"conversationIds": ["V1"]}
NOTED = CUSTOMER | {"noteIds": ["N1"]}
LEDGER = "/v1/ledger/accounts/L1"

READS: dict[str, tuple[str, dict[str, list[str]]]] = {
    "/v1/customers": ("/v1/customers", {"customerIds": ["C1", "C2"]}),
    "/v1/customers/{customerId}": ("/v1/customers/C1", CUSTOMER),
    "/v1/customers/{customerId}/overview": ("/v1/customers/C1/overview", CUSTOMER),
    "/v1/search": (f"/v1/search?q={NAME}", {"customerIds": ["C1", "C2"]}),
    "/v1/loan-accounts": ("/v1/loan-accounts?customerId=C1", CUSTOMER | ACCOUNT),
    "/v1/loan-accounts/{loanAccountId}": ("/v1/loan-accounts/L1", CUSTOMER | ACCOUNT),
    "/v1/conversations": ("/v1/conversations", CONVERSATION),
    "/v1/conversations/{conversationId}": ("/v1/conversations/V1", CONVERSATION),
    "/v1/conversations/{conversationId}/utterances": ("/v1/conversations/V1/utterances", CONVERSATION),
    "/v1/conversations/{conversationId}/noticeboard": ("/v1/conversations/V1/noticeboard", CONVERSATION),
    "/v1/write-off-requests": ("/v1/write-off-requests", CUSTOMER | ACCOUNT),
    "/v1/write-off-requests/{requestId}": ("/v1/write-off-requests/W1", CUSTOMER | ACCOUNT),
    "/v1/ledger/accounts/{loanAccountId}/balance": (f"{LEDGER}/balance", ACCOUNT),
    "/v1/ledger/accounts/{loanAccountId}/record": (f"{LEDGER}/record", CUSTOMER | ACCOUNT),
    "/v1/ledger/accounts/{loanAccountId}/statement": (
        f"{LEDGER}/statement?from=2026-03-01&to=2026-03-31",
        CUSTOMER | ACCOUNT,
    ),
    "/v1/ledger/accounts/{loanAccountId}/transactions": (f"{LEDGER}/transactions", ACCOUNT),
    "/v1/ledger/accounts/{loanAccountId}/transactions/stream": (f"{LEDGER}/transactions/stream", ACCOUNT),
    "/v1/ledger-commands": ("/v1/ledger-commands", ACCOUNT),
    "/v1/ledger-commands/{commandId}": ("/v1/ledger-commands/{command}", ACCOUNT),
    "/v1/ledger-commands/{commandId}/history": ("/v1/ledger-commands/{command}/history", ACCOUNT),
    "/v1/notes": ("/v1/notes", NOTED),
    "/v1/notes/{noteId}": ("/v1/notes/N1", NOTED),
    "/v1/customers/{customerId}/notes": ("/v1/customers/C1/notes", NOTED),
    "/v1/customers/{customerId}/history": ("/v1/customers/C1/history", CUSTOMER),
    "/v1/loan-accounts/{loanAccountId}/history": ("/v1/loan-accounts/L1/history", CUSTOMER | ACCOUNT),
    "/v1/conversations/{conversationId}/history": ("/v1/conversations/V1/history", CONVERSATION),
    "/v1/notes/{noteId}/history": ("/v1/notes/N1/history", NOTED),
    "/v1/write-off-requests/{requestId}/history": ("/v1/write-off-requests/W1/history", CUSTOMER | ACCOUNT),
    "/v1/dead-letters/{deadLetterId}": (
        "/v1/dead-letters/{dead_letter}",
        {"deadLetterIds": ["{dead_letter}"]},
    ),
}
"""Of each route that shows something of a customer: what is asked, and the ids that its line has."""

NOT_PERSONAL = {"/healthz", "/readyz", "/v1/me", "/v1/status", "/v1/dead-letters", "/v1/changes"} | {
    "/v1/projection-jobs",
    "/v1/projection-jobs/{jobId}",
}


@pytest.fixture
def documents(mongo_db: Database[dict[str, Any]]) -> None:
    stamps = {"createdAt": AT, "updatedAt": AT, "_position": 1}
    mongo_db["customers"].insert_many(
        {"_id": each, "fullName": NAME, "emailAddress": EMAIL, "_search": ["nannabel leeuwen"]} | stamps
        for each in ("C1", "C2")
    )
    mongo_db["loan-accounts"].insert_one({"_id": "L1", "customerId": "C1", "customerName": NAME} | stamps)
    said = [{"username": "customer", "utterance": SAID}]
    mongo_db["conversations"].insert_one({"_id": "V1", "customerId": "C1", "utterances": said} | stamps)
    request = {"requestNumber": "WO-1", "loanAccountId": "L1", "customerId": "C1", "customerName": NAME}
    mongo_db["write-off-requests"].insert_one(
        {"_id": "W1", "amount": Decimal128("9.00"), "status": "pending"} | request | stamps
    )
    asked = {"kind": "repayment", "loanAccountId": "L1", "idempotencyKey": "k", "status": "posted"}
    by = {"requestedBy": {"id": "ann", "role": "operations"}, "requestedAt": AT}
    mongo_db["ledger-commands"].insert_one({"_id": "K1"} | asked | by | stamps)
    note = {"noteType": "sms", "subject": "rent", "content": SAID, "priority": "low", "sentiment": "neutral"}
    written = {"customerId": "C1", "createdBy": {"id": "ann"}, "status": "active"}
    mongo_db["contact-notes"].insert_one({"_id": "N1"} | note | written | stamps)


@pytest.fixture
def events(settings: Settings) -> None:
    servicing = Servicing.from_url(settings.event_store_url)
    unit = servicing.unit_of_work()
    conversation = unit.obtain(Conversation, "V1", message("m1"))
    conversation.start(message("m1"), customer_id="C1")
    conversation.add_utterance(message("m2"), username="customer", utterance=SAID, created_at=minute(1))
    unit.commit()
    said = {"subject": "rent", "content": SAID, "priority": "low", "sentiment": "neutral"}
    whose = {"loan_account_id": "L1", "customer_id": "C1"}
    absorb(
        servicing,
        [
            On(Customer, "C1").report_details(first_name=NAME),
            On(LoanAccount, "L1").open(customer_id="C1"),
            On(ContactNote, "N1").write(author=ANN, customer_id="C1", note_type="sms", **said),
            On(WriteOffRequest, "W1").request(
                amount=Decimal(9), reason="other", requested_by="ann", customer_name=NAME, **whose
            ),
        ],
    )
    servicing.close()


@pytest.fixture
def client(settings: Settings) -> Iterator[httpx.Client]:
    script = {
        "GetBalance": balance("450.00"),
        "GetLedgerRecord": record(),
        "GetStatement": statement,
        "GetTransactions": wire.GetTransactionsResponse(
            loan_account_id="L1", transactions=[transaction(1)], total_count=1
        ),
        "RecordRepayment": posts(1),
        "WatchTransactions": lambda _: iter([transaction(1)]),
    }
    token = issue_token(settings, "billing", "admin", for_machine=True)
    headers = {"Authorization": f"Bearer {token}"}
    with (
        scripted_ledger(script) as ledger,
        serving(settings.model_copy(update={"ledger_target": ledger.target})) as url,
        httpx.Client(base_url=url, headers=headers, timeout=30) as client,
    ):
        yield client


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(each.getMessage()) for each in caplog.records if each.name == "billie.audit"]


@pytest.mark.usefixtures("documents", "events")
def test_every_read_about_a_customer_is_logged(
    client: httpx.Client, settings: Settings, redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    publish(
        redis_client, settings.inbox_stream, [{"typ": "account.updated.v1", "payload": f'{{"n": "{NAME}"}}'}]
    )
    ingest(settings, drain=True, stop=Event())
    [(dead_letter, _)] = redis_client.xrange(settings.dead_letter_stream)  # type: ignore[misc]
    command = client.post(REPAYMENTS, json=REPAYMENT, headers=KEY).json()["commandId"]
    caplog.set_level(logging.INFO)
    for route, (asked, ids) in READS.items():
        caplog.clear()
        path = asked.replace("{dead_letter}", dead_letter.decode()).replace("{command}", command)
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        [line] = lines(caplog)
        assert datetime.fromisoformat(line.pop("at")).tzinfo is not None
        expected = {
            name: [each.replace("{dead_letter}", dead_letter.decode()) for each in ids[name]] for name in ids
        }
        assert line == expected | {
            "event": "personal_data_read",
            "caller": "machine:billing",
            "role": "admin",
            "route": f"GET {route}",
            "requestId": answer.headers["x-request-id"],
        }
        assert not [each for each in PERSONAL if each in caplog.text], "ids only"


def test_every_route_is_covered_by_the_audit_log(settings: Settings) -> None:
    """A new route is either here, or it shows nothing of a customer."""
    routes = {rule.path for rule in rules(create_app(settings)) if rule.method == "GET"}
    assert routes == READS.keys() | NOT_PERSONAL


def test_an_answer_without_documents_is_not_logged_as_a_read(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert client.get("/v1/customers/nobody").status_code == 404
    assert client.get("/v1/customers").json()["items"] == []
    assert lines(caplog) == []

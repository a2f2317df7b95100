"""Every field that the contract names (collections.md) is in the data dictionary, those inside others too."""

import re
from collections.abc import Iterator

import pytest

from tests.support.data.dictionary import FIELDS

CONTRACT = {
    "customers": """_id, firstName, lastName, preferredName, fullName, emailAddress, mobilePhoneNumber,
        dateOfBirth, ekycStatus, identityVerified, verifiedAt, flags{staff, investor, vulnerable},
        residentialAddress{unitNumber, streetNumber, streetName, streetType, street, suburb, city, state,
        postcode, country, fullAddress}, createdAt, updatedAt""",
    "loan-accounts": """_id, accountNumber, customerId, customerName, loanTerms{loanAmount, loanFee,
        totalPayable, openedDate, commencementDate, disbursedDate}, balances{currentBalance,
        totalOutstanding, totalPaid}, lastPayment{date, amount}, accountStatus, sdkStatus,
        signedLoanAgreementUrl, repaymentSchedule{scheduleId, numberOfPayments, paymentFrequency,
        createdDate, payments[{paymentNumber, dueDate, amount, status, paidDate, amountPaid,
        amountRemaining, linkedTransactionIds, lastUpdated}]}, aging{daysPastDue, bucket, isInArrears,
        lastUpdated}, closure{reason, previousStatus, closedDate, finalBalance, totalPaid,
        triggeredByTransactionId}, createdAt, updatedAt""",
    "conversations": """_id, customerId, applicationNumber, status, startedAt, lastUtteranceAt,
        utterances[{username, utterance, createdAt, rationale, answerInputType, endConversation,
        additionalData}], utteranceCount, noticeboard[{agentName, topic, content, timestamp}],
        noticeboardCount, assessments{identityRisk, serviceability, fraudCheck, accountConduct,
        postIdentityRisk, creditAssessmentComplete}, applicationData, purpose, facts, finalDecision,
        decidedAt,
        decisionDetail{reason, retryEligible, blockedUntil, sourceApplicationNumber}, createdAt, updatedAt""",
    "contact-notes": """_id, customerId, loanAccountId, conversationId, noteType, contactDirection, subject,
        content, priority, sentiment, createdBy{id, name}, createdAt, status, amendsNoteId,
        amendedByNoteId""",
    "write-off-requests": """_id, requestNumber, loanAccountId, customerId, customerName, accountNumber,
        amount, originalBalance, reason, notes, priority, status, requestedBy{id, name}, requestedAt,
        decision{by{id, name}, at, comment}, ledger{transactionId, eventId}, createdAt, updatedAt""",
    "ledger-commands": """_id, kind, loanAccountId, amount, principalDelta, feeDelta, reason,
        idempotencyKey, requestedBy{id, name, role}, requestedAt, status, transactionId, ledgerError{code,
        message}, settledAt""",
}


def paths(notation: str) -> Iterator[str]:
    """The path of each field in the contract's notation; ``{…}`` holds what is in the field before it."""
    parents: list[str] = []
    name = ""
    for token in re.findall(r"\w+|[{}]", notation):
        if token == "{":
            parents.append(name)
        elif token == "}":
            parents.pop()
        else:
            name = token
            yield ".".join([*parents, name])


@pytest.mark.parametrize("name", CONTRACT)
def test_every_field_of_the_contract_is_described(name: str) -> None:
    assert [path for path in paths(CONTRACT[name]) if path not in FIELDS[name]] == []


def test_the_notation_is_read() -> None:
    assert list(paths("a, b{c[{d}], e}, f")) == ["a", "b", "b.c", "b.c.d", "b.e", "f"]

"""The rules of write-off requests: from their reports to the document."""

from hashlib import sha256
from typing import Any

from tests.oracle.reports import Report, document, first, known, shown

DECIDED_BY = {"approved": "approved_by", "rejected": "rejected_by", "cancelled": "cancelled_by"}
POSTED_AS = ("transaction_id", "ledger_event_id")
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def write_off(name: str, reports: list[Report], accounts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The document of a request. The first to arrive counts; none shows for a decision alone."""
    arrived = sorted(reports, key=lambda report: report.arrival)
    requests = [report for report in arrived if report.kind == "writeoff.requested.v1"]
    if not requests:
        return {}
    request, asked = requests[0], requests[0].facts
    bits = int(sha256(name.encode()).hexdigest()[:10], 16)  # The first 40, five to a letter.
    letters = "".join(CROCKFORD[bits >> 5 * place & 31] for place in range(7, -1, -1))
    found = {"requestNumber": f"WO-{letters[:4]}-{letters[4:]}", "cause": first(request.fields, "cause")}
    requester = {"id": asked["requested_by"], "name": asked.get("requested_by_name")}
    made = {"requestedBy": known(requester), "requestedAt": request.at, "status": "pending"}
    said = {"priority": "normal"} | shown(
        asked, "loan_account_id amount original_balance notes priority reason"
    )
    # Those of the account, wherever it is known; what a caller says of them is not believed.
    account = accounts.get(asked["loan_account_id"], {})
    shared = {} if "customerId" in account else shown(asked, "customer_id customer_name account_number")
    shared |= {key: account[key] for key in account.keys() & {"customerId", "customerName", "accountNumber"}}
    decided = decision(arrived, asked["requested_by"])
    return document("requestId", name, reports, found | made | said | shared | decided)


def decision(arrived: list[Report], requester: str) -> dict[str, Any]:
    """A request is decided once, by the first to arrive; what the ledger posted outranks that.

    An approver may not be the requester. Where the ledger posted against a rule, or again, it is irregular.
    """
    decisions = [(outcome, r) for r in arrived if (outcome := r.kind.split(".")[1]) in DECIDED_BY]
    plain = "".join(requester.lower().split())  # Publishers differ in case and blanks.
    own = [r for _, r in decisions if "".join(r.facts.get("approved_by", "").lower().split()) == plain]
    valid = [each for each in decisions if each[1] not in own]
    posted = [each for each in decisions if any(key in each[1].facts for key in POSTED_AS)]
    if not posted + valid:
        return {}
    outcome, counts = (posted + valid)[0]
    said, by = counts.facts, DECIDED_BY[outcome]
    is_against = bool(valid) and valid[0][0] != "approved" and valid[0][1].arrival < counts.arrival
    pairs = [(said[key], r.facts.get(key)) for _, r in posted for key in POSTED_AS if key in said]
    is_again = any(other not in (None, one) for one, other in pairs)
    made = {"by": known({"id": said[by], "name": said.get(f"{by}_name")}), "at": counts.at}
    comment = {"comment": said.get("comment", said.get("reason"))}
    ledger = known({"transactionId": said.get(POSTED_AS[0]), "eventId": said.get(POSTED_AS[1])})
    irregular = True if posted and (counts in own or is_against or is_again) else None
    return {"status": outcome, "decision": known(made | comment), "ledger": ledger, "irregular": irregular}

"""Approvals: requested by one person, shown beside the loan, decided by another."""

import re
from decimal import Decimal

import pytest

from app.aggregates import WriteOffRequest
from app.event_store.application import Servicing
from app.ledger.sandbox.faults import Faults
from app.runtime.settings.settings import Settings
from tests.integration.console.conftest import HOSTILE
from tests.support.api.console import Visitor, console, fields_of
from tests.support.data.given import absorb
from tests.support.data.projecting import On
from tests.support.roles import project
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("no_faults")

WHY = "Seen the statements of three months."


def ask(visitor: Visitor, account: str, settings: Settings, notes: str = "", amount: str = "") -> str:
    """Request a write-off of the whole balance; the address of the request's page."""
    path = f"/loan-accounts/{account}/write-off"
    form = fields_of(visitor.part(path).text)
    filled = form | {"writeOffReason": "hardship", "priority": "urgent", "notes": notes}
    answer = visitor.post(path, filled | ({"amount": amount} if amount else {}))
    number = re.search(r"WO-\w{4}-\w{4}", answer.text)
    assert number, answer.text
    project(settings, drain=True)
    return pending(visitor, number[0])


def pending(visitor: Visitor, words: str) -> str:
    """The addresses that the queue links."""
    for line in visitor.part("/approvals").text.split("<a ")[1:]:
        if words in line and (found := re.search(r'href="([^"]+)"', line)):
            return found[1]
    msg = f"{words} is not in the queue"
    raise AssertionError(msg)


def take_back(visitor: Visitor, page: str, settings: Settings, **form: str) -> None:
    assert "Nothing was posted" in visitor.post(f"{page}/withdraw", form).text
    project(settings, drain=True)


def test_a_second_person_decides_and_the_write_off_is_posted_once(
    ann: Visitor, sue: Visitor, settings: Settings
) -> None:
    page = ask(ann, "L2", settings)
    shown = sue.get(page).text
    for words in (
        "Write-off WO-",
        "Hardship",
        "Urgent",
        "Live from the ledger",
        "Requested by",
        "Latest chat",
    ):
        assert words in shown, words
    opened = sue.part(f"{page}/approve")
    assert opened.headers["hx-replace-url"] == f"{page}?do=approve"
    assert f'hx-get="{page}/approve"' in sue.get(page, do="approve").text, "a reload opens it again"
    short = sue.post(f"{page}/approve", {"comment": "ok"})
    assert (short.status_code, "Enter 10 to 1,000 characters" in short.text) == (422, True)
    for _ in range(2):
        done = sue.post(f"{page}/approve", {"comment": WHY})
        assert "Posted" in done.text, done.text
        assert re.search(r"transaction <b class=\"id\">SBX-", done.text)
    assert done.headers["hx-trigger"] == "decided"
    assert "Posted" in sue.part(f"{page}/approve").text, "a reload says what became of it"
    rows = sue.part("/loan-accounts/L2/transactions?type=WRITE_OFF").text
    assert rows.count("<tr><td") == 1
    after = sue.get(page).text
    assert WHY in after
    assert "/reject" not in after
    late = sue.post(f"{page}/reject", {"comment": WHY})
    assert "It was decided before you" in late.text or "approved it before you" in late.text
    project(settings, drain=True)
    assert page not in sue.part("/approvals").text


def test_ones_own_is_visibly_not_approvable_and_can_be_taken_back(sue: Visitor, settings: Settings) -> None:
    page = ask(sue, "L1", settings)
    assert "Yours: another person decides" in sue.part("/approvals").text
    shown = sue.get(page).text
    assert "This is your own request" in shown
    assert f"{page}/approve" not in shown
    assert "Your own request" in sue.part(f"{page}/approve").text
    for does in ("approve", "reject"):
        answer = sue.post(f"{page}/{does}", {"comment": WHY})
        assert (answer.status_code, "Nothing was decided" in answer.text) == (403, True), answer.text
    take_back(sue, page, settings)
    assert "Cancelled" in sue.get(page).text


def test_an_outdated_request_is_marked_before_approval(
    ann: Visitor, sue: Visitor, settings: Settings
) -> None:
    page = ask(ann, "L1", settings)
    assert f'hx-get="{page}/approve"' in sue.get(page).text
    repayment = "/loan-accounts/L1/repayment"
    sent = fields_of(ann.part(repayment).text) | {"amount": "1", "paymentMethod": "cash"}
    assert "Posted" in ann.post(repayment, fields_of(ann.post(f"{repayment}/check", sent).text)).text
    for shown in (sue.get(page).text, sue.part(f"{page}/state").text):
        assert "The balance is now" in shown
        assert f'hx-get="{page}/approve"' not in shown
        assert f'hx-get="{page}/reject"' in shown
    take_back(ann, page, settings)
    assert "The balance is now" not in sue.get(page).text


def test_the_loan_beside_a_request_is_refreshed(ann: Visitor, sue: Visitor, settings: Settings) -> None:
    page = ask(ann, "L1", settings)
    assert f'hx-get="{page}/account"' in sue.get(page).text
    part = sue.part(f"{page}/account").text
    assert "Live from the ledger" in part
    assert "<h1" not in part
    take_back(ann, page, settings)


def test_operations_and_readonly_look_and_do_not_decide(
    url: str, ann: Visitor, sue: Visitor, settings: Settings
) -> None:
    page = ask(sue, "L1", settings)
    with Visitor(url) as rae:
        rae.sign_in("Rae", "readonly")
        for visitor in (ann, rae):
            shown = visitor.get(page)
            assert shown.status_code == 200
            assert "requires the supervisor role" in shown.text
            assert "Your role does not allow this" in visitor.part(f"{page}/approve").text
            assert "Only the requester" in visitor.part(f"{page}/withdraw").text
            for does in ("approve", "reject", "withdraw"):
                answer = visitor.post(f"{page}/{does}", {"comment": WHY})
                assert (answer.status_code, "Nothing was decided" in answer.text) == (403, True)
    take_back(sue, page, settings)


def test_the_queue_is_filtered_ordered_and_counted(
    ann: Visitor, sue: Visitor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ask(ann, "L1", settings, notes=HOSTILE)
    adjustment = sue.part("/loan-accounts/L1/adjustment").text
    form = {"amount": "600", "reason": HOSTILE, "direction": "lower", "part": "principal"}
    sue.post("/loan-accounts/L1/adjustment", form | {"key": fields_of(adjustment)["key"]})
    project(settings, drain=True)
    assert sue.part("/approvals/badge").text.startswith("2<")
    both = sue.part("/approvals").text
    assert "2 pending" in both
    assert both.index(page) < both.index("/approvals/adjustment/")
    start = sue.get("/").text
    for at in (page, pending(sue, "Adjustment")):
        assert f'href="{at}"' in start
    monkeypatch.setattr("app.console.pages.start.page._MAX_LINES", 1)
    assert "Showing the oldest 1 of 2." in sue.get("/").text
    assert f'href="{page}"' in sue.get("/customers/C1").text
    newest = sue.part("/approvals?sort=newest").text
    assert newest.index(page) > newest.index("/approvals/adjustment/")
    for filters, found in (
        ("kind=write-off", True),
        ("kind=adjustment", False),
        ("priority=urgent", True),
        ("priority=high", False),
        ("reason=hardship", True),
        ("requester=ann", True),
        ("requester=ray", False),
        ("least=600.01", False),
        ("most=1%2C000", True),
        ("least=NaN&most=x", True),
    ):
        assert (page in sue.part(f"/approvals?{filters}").text) == found, filters
    for path in ("/approvals", page, pending(sue, "Adjustment")):
        text = sue.get(path).text
        assert "<script>alert" not in text, path
        assert "<img" not in text, path
    mine = pending(sue, "Adjustment")
    assert "This is your own request" in sue.get(mine).text
    take_back(sue, mine, settings, comment="It was a mistake of mine.")
    rejected = sue.post(f"{page}/reject", {"comment": f"No reason is given. {HOSTILE}"})
    assert "Rejected" in rejected.text
    assert "<img" not in rejected.text
    project(settings, drain=True)
    assert sue.part("/approvals/badge").text == ""


def test_a_refusal_is_shown_in_the_words_of_the_api(ann: Visitor, sue: Visitor, settings: Settings) -> None:
    page = ask(ann, "L1", settings, amount="5")
    answer = sue.post(f"{page}/approve", {"comment": WHY})
    assert (answer.status_code, "Nothing was decided" in answer.text) == (409, True)
    assert "cancel it, and make a new one" in answer.text
    take_back(ann, page, settings)


def test_an_unknown_posting_is_shown_and_settles_on_screen(
    ann: Visitor, settings: Settings, faults: Faults
) -> None:
    page = ask(ann, "L1", settings)
    short = settings.model_copy(update={"ledger_write_seconds": 1, "settle_after_seconds": 1})
    with console(short) as url, Visitor(url) as sue:
        sue.sign_in("Sue Ray", "supervisor")
        faults.add("WriteOff", "hang-after-commit", times=1)
        answer = sue.post(f"{page}/approve", {"comment": WHY})
        assert "Outcome unknown" in answer.text, answer.text
        assert f'hx-get="{page}/approve/outcome"' in answer.text
        until(lambda: "Posted" in sue.part(f"{page}/approve/outcome").text, what="settled")
        rows = sue.part("/loan-accounts/L1/transactions?type=WRITE_OFF").text
        assert rows.count("<tr><td") == 1


@pytest.mark.parametrize("path", ["other/X", "write-off/X", "write-off/X/sell"])
def test_a_missing_request_is_reported(sue: Visitor, path: str) -> None:
    assert sue.get(f"/approvals/{path}").status_code == 404


def test_an_irregular_write_off_is_marked_on_its_page_and_at_its_loan(
    ann: Visitor, settings: Settings
) -> None:
    request, servicing = On(WriteOffRequest, "W9"), Servicing.from_url(settings.event_store_url)
    asked = {"loan_account_id": "L4", "amount": Decimal("9.00"), "reason": "other", "requested_by": "bob"}
    posted = request.decide(outcome="Approved", by="Bob", transaction_id="T9")
    absorb(servicing, [request.request(**asked), posted])
    servicing.close()
    project(settings, drain=True)
    for path in ("/approvals/write-off/W9", "/customers/C2", "/customers/C2/parts/accounts"):
        assert "the requester approved it" in ann.get(path).text, path

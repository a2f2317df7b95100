"""Money in the drawer: checked, summarised, posted once, shown with its outcome."""

import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from app.ledger.sandbox.faults import Faults
from app.runtime.settings.settings import Settings
from tests.support.api.console import Visitor, console, fields_of
from tests.support.roles import project
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("no_faults")

REPAYMENT = "/loan-accounts/L1/repayment"


def opened(visitor: Visitor, path: str = REPAYMENT) -> str:
    """Open a drawer; the key of its form."""
    page = visitor.part(path, **{"HX-Current-URL": f"{visitor.url}/customers/C1"})
    assert page.status_code == 200, page.text
    key = fields_of(page.text)["key"]
    assert page.headers["hx-replace-url"].endswith(f"key={key}")
    return key


def owed(visitor: Visitor, account: str = "L1") -> str:
    page = visitor.part(f"/loan-accounts/{account}/repayment").text
    found = re.search(r"Current balance: <strong>([^<]+)<", page)
    assert found
    return found[1]


def movements(visitor: Visitor) -> int:
    """The number of the ledger's transactions."""
    return visitor.part("/loan-accounts/L1/transactions").text.count("<tr><td")


def test_a_repayment_is_summarised_then_posted_once_for_any_number_of_submissions(ann: Visitor) -> None:
    before, rows, key = owed(ann), movements(ann), opened(ann)
    form = {"key": key, "amount": "A$20", "paymentMethod": "cash"}
    summary = ann.post(f"{REPAYMENT}/check", form)
    assert "This will be posted" in summary.text
    assert "A$20.00" in summary.text
    assert (owed(ann), movements(ann)) == (before, rows), "nothing is posted before it is confirmed"
    sent = fields_of(summary.text)
    assert sent == {"key": key, "amount": "A$20", "paymentMethod": "cash"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ann.post(REPAYMENT, sent), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    until(lambda: "Posted" in ann.part(f"{REPAYMENT}?key={key}").text, what="the outcome")
    assert movements(ann) == rows + 1
    assert owed(ann) != before
    again = ann.part(f"{REPAYMENT}?key={key}").text
    assert re.search(r"transaction <b class=\"id\">SBX-", again), "a reload shows what became of it"
    assert ann.post(REPAYMENT, sent | {"amount": "21"}).status_code == 409, "another intent, the same key"
    assert movements(ann) == rows + 1


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("", "Enter an amount."),
        ("abc", "Enter dollars"),
        ("1.005", "Enter dollars"),
        ("-5", "Enter dollars"),
        ("0.00", "above zero"),
        ("100000.01", "The maximum is"),
        ("1,23", "Enter dollars"),
    ],
)
def test_an_amount_is_checked_before_the_summary(ann: Visitor, amount: str, said: str) -> None:
    rows = movements(ann)
    for path in (f"{REPAYMENT}/check", REPAYMENT):
        answer = ann.post(path, {"key": opened(ann), "amount": amount})
        assert (answer.status_code, said in answer.text) == (422, True)
        assert 'aria-invalid="true"' in answer.text
    assert movements(ann) == rows


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("waiver", {"amount": "5", "reason": "goodwill"}),
        ("adjustment", {"amount": "5", "reason": "a slip", "direction": "lower", "part": "fees"}),
    ],
)
def test_a_supervisors_movement_is_refused_to_operations(
    ann: Visitor, sue: Visitor, name: str, form: dict[str, str]
) -> None:
    path, rows = f"/loan-accounts/L1/{name}", movements(ann)
    assert "Requires the supervisor role" in ann.get("/customers/C1").text
    assert "This requires the supervisor role" in ann.part(path).text
    key = opened(sue, path)
    refused = ann.post(path, form | {"key": f"{key[:-1]}0"})
    said = "Your role (operations) does not allow this."
    assert (refused.status_code, said in refused.text) == (403, True)
    assert "Nothing was posted" in refused.text
    assert movements(ann) == rows
    posted = sue.post(path, form | {"key": key})
    assert ("Posted" in posted.text, posted.status_code) == (True, 200), posted.text
    assert movements(ann) == rows + 1


def test_an_overpayment_needs_confirmation(ann: Visitor) -> None:
    path = "/loan-accounts/L3/repayment"
    form = {"key": opened(ann, path), "amount": "650"}
    summary = ann.post(f"{path}/check", form).text
    assert "This exceeds the balance by A$50.00. Post it anyway." in summary
    assert fields_of(summary)["overpays"] == "50.00"
    for unconfirmed in ({}, {"overpays": "49.99"}, {"overpays": "NaN"}, {"overpays": "yes"}):
        refused = ann.post(path, form | unconfirmed)
        assert (refused.status_code, "Nothing was posted. Tick this" in refused.text) == (422, True)
        assert owed(ann, "L3") == "A$600.00"
    posted = ann.post(path, form | {"overpays": "50.00"})
    assert "Overpayment: A$50.00." in posted.text
    again = ann.post(path, form)
    assert "Posted" in again.text, "what is stored with the key is shown, although less is owed now"


def test_a_waiver_never_exceeds_the_fees(sue: Visitor) -> None:
    path = "/loan-accounts/L4/waiver"
    form = fields_of(sue.part(path).text)
    assert form["amount"] == "100.00"
    wrong = sue.post(f"{path}/check", form | {"amount": "100.01", "reason": "goodwill"})
    assert (wrong.status_code, "Only A$100.00 of fees are owed." in wrong.text) == (422, True)
    assert "Post waiver" not in wrong.text
    form |= {"reason": "goodwill"}
    assert "Post waiver" in sue.post(f"{path}/check", form).text
    assert "Posted" in sue.post(path, form).text
    assert fields_of(sue.part(path).text)["amount"] == ""
    assert "No fees are owed." in sue.post(f"{path}/check", form).text


MARK = 'class="flag vulnerable"'


def test_every_step_of_a_drawer_names_the_loan_and_the_flagged_customer(ann: Visitor, sue: Visitor) -> None:
    path, key = "/loan-accounts/L1/fee", opened(ann, "/loan-accounts/L1/fee")
    form = {"key": key, "amount": "1", "type": "late_fee"}
    steps = [
        ann.part(path),
        ann.post(f"{path}/check", form),
        ann.post(f"{path}/check", form | {"amount": ""}),
        ann.post(path, form),
        ann.part(f"{path}?key={key}"),
        ann.post(path, form | {"amount": "2"}),
        ann.part("/loan-accounts/L1/waiver"),
    ]
    for step in steps:
        head = step.text.partition("</p>")[0]
        assert "Loan BL000001, Mary O&#39;Brien" in head, step.text
        assert MARK in head
    note = ann.part("/customers/C1/note").text.partition("</p>")[0]
    assert ("Mary O&#39;Brien" in note, MARK in note) == (True, True)
    assert MARK not in sue.part("/loan-accounts/L2/waiver").text


def test_readonly_cannot_move_money(url: str) -> None:
    with Visitor(url) as visitor:
        visitor.sign_in("Rae", "readonly")
        page = visitor.get("/customers/C1").text
        assert page.count("locked") >= 5
        assert "Add a note" not in page
        refused = visitor.post(REPAYMENT, {"key": f"console-{'0' * 32}", "amount": "5"})
        assert refused.status_code == 403
        note = {
            "subject": "x",
            "content": "y",
            "noteType": "sms",
            "priority": "normal",
            "sentiment": "neutral",
        }
        assert visitor.post("/customers/C1/note", note).status_code == 403


def test_a_rejection_shows_the_ledgers_reason(ann: Visitor) -> None:
    rows, key = movements(ann), opened(ann, "/loan-accounts/L2/repayment")
    answer = ann.post("/loan-accounts/L2/repayment", {"key": key, "amount": "600"})
    assert "Posted" in answer.text
    key = opened(ann, "/loan-accounts/L2/repayment")
    answer = ann.post("/loan-accounts/L2/repayment", {"key": key, "amount": "5", "overpays": "5.00"})
    assert "Not posted" in answer.text
    assert "The ledger rejected it" in answer.text
    assert "No money moved." in answer.text
    assert movements(ann) == rows


def test_an_unknown_outcome_is_shown_and_settles_on_screen(settings: Settings, faults: Faults) -> None:
    short = settings.model_copy(update={"ledger_write_seconds": 1, "settle_after_seconds": 1})
    with console(short) as url, Visitor(url) as ann:
        ann.sign_in()
        rows, key = movements(ann), opened(ann)
        faults.add("RecordRepayment", "hang-after-commit", times=1)
        answer = ann.post(REPAYMENT, {"key": key, "amount": "7"})
        assert "Outcome unknown" in answer.text
        assert "Do not enter it again" in answer.text
        found = re.search(r'hx-get="([^"]+outcome[^"]+)"', answer.text)
        assert found, "the screen asks again by itself"
        until(lambda: "Posted" in ann.part(found[1]).text, what="settled")
        assert "hx-get" not in ann.part(found[1]).text, "and then asks no more"
        assert movements(ann) == rows + 1


def test_an_unavailable_ledger_starts_no_command_and_the_key_is_retried(settings: Settings) -> None:
    away = settings.model_copy(update={"ledger_target": "127.0.0.1:1"})
    with console(away) as url, Visitor(url) as visitor:
        visitor.sign_in()
        page = visitor.part(REPAYMENT)
        assert "The ledger is not responding" in page.text
        key = fields_of(page.text)["key"]
        for number in range(6):  # Until the breaker knows that it is away.
            answer = visitor.post(REPAYMENT, {"key": f"{key[:-1]}{number}", "amount": "5"})
            if "Nothing was posted" in answer.text:
                break
    assert answer.status_code == 503
    assert "Try again" in answer.text
    assert fields_of(answer.text)["key"] == f"{key[:-1]}{number}"


def test_a_write_off_is_requested_once(ann: Visitor, settings: Settings) -> None:
    path = "/loan-accounts/L1/write-off"
    page = ann.part(path).text
    key, amount = fields_of(page)["key"], fields_of(page)["amount"]
    other_key = opened(ann, path)
    form = {"key": key, "amount": amount, "writeOffReason": "hardship", "priority": "high"}
    assert "Choose one." in ann.post(f"{path}/check", form | {"writeOffReason": ""}).text
    assert "This will be requested" in ann.post(f"{path}/check", form).text
    first, again = ann.post(path, form), ann.post(path, form)
    number = re.search(r"WO-\w{4}-\w{4}", first.text)
    assert number
    assert number[0] in again.text
    project(settings, drain=True)
    other = ann.post(path, form | {"key": other_key})
    assert (other.status_code, "Already requested" in other.text) == (409, True)
    for drawer in (other, ann.part(path)):
        assert re.search(rf'href="/approvals/write-off/[^"]+">{number[0]}<', drawer.text)
        assert 'name="amount"' not in drawer.text


def test_a_note_is_written_once_and_amended(ann: Visitor) -> None:
    form = fields_of(ann.part("/customers/C1/note").text) | {
        "subject": "Cannot pay",
        "content": "Asked for\r\na week.",
        "noteType": "phone_inbound",
        "priority": "normal",
        "sentiment": "neutral",
    }
    for _ in range(2):
        answer = ann.post("/customers/C1/note", form)
        assert answer.headers["hx-trigger"] == "note-saved", answer.text
    missing = ann.post("/customers/C1/note", form | {"content": " "})
    assert (missing.status_code, "Enter the note." in missing.text) == (422, True)
    amendment = ann.part("/notes/N1/amendment").text
    assert "line one" in amendment
    filled = form | {"key": fields_of(amendment)["key"], "content": "It was not so."}
    assert ann.post("/notes/N1/amendment", filled).headers["hx-trigger"] == "note-saved"
    late = ann.post("/notes/N1/amendment", filled | {"key": f"console-{'1' * 32}"})
    assert (late.status_code, "Another person amended it first" in late.text) == (409, True)


@pytest.mark.parametrize("key", ["", "short", "console-UPPER", "write-off:x", f"console-{'g' * 32}"])
def test_a_foreign_key_posts_nothing(ann: Visitor, key: str) -> None:
    rows = movements(ann)
    assert ann.post(REPAYMENT, {"key": key, "amount": "5"}).status_code == 404
    assert movements(ann) == rows


def test_the_page_is_reached_by_plain_http_too(url: str) -> None:
    assert httpx.get(f"{url}/healthz").status_code == 200

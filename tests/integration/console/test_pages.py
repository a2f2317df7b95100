"""Pages for staff: everything about a customer, with other people's text escaped."""

import json
import logging
import re

import httpx
import pytest
from markupsafe import escape

from app.runtime.settings.settings import Settings
from tests.integration.console.conftest import HOSTILE
from tests.support.api.console import Visitor, console


def test_one_page_shows_the_whole_customer(ann: Visitor) -> None:
    page = ann.get("/customers/C1")
    assert page.status_code == 200
    for words in ("Vulnerable customer.", "29 Feb 1980", "BL000001", "A$600.00", "Live from the ledger"):
        assert words in page.text, words
    for words in ("Record repayment", "Write-offs", "Chats", "Notes", "Disbursement"):
        assert words in page.text, words


def test_text_of_other_people_is_escaped(ann: Visitor) -> None:
    for path in (
        "/customers/C1",
        "/conversations/V1",
        "/conversations/V1/transcript",
        f"/search?q={'O-Brien'}",
    ):
        page = ann.get(path).text
        assert "<script>alert" not in page, path
        assert "<img" not in page, path
    page = ann.get("/customers/C1").text
    assert page.count(escape(HOSTILE)) >= 3
    assert "Ann &lt;i&gt;Lee&lt;/i&gt;" in page
    hostile = "<script>alert(1)</script>"
    assert hostile not in ann.get("/search", q=f"abc{hostile}").text
    assert hostile not in ann.get(f"/customers/{hostile}").text


def test_an_account_leads_to_its_customer(ann: Visitor) -> None:
    answer = ann.get("/loan-accounts/L1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/customers/C1#account-L1")


@pytest.mark.parametrize("question", ["mary", "O'Brien", "BL000001"])
def test_search_updates_while_typing(ann: Visitor, question: str) -> None:
    part = ann.part(f"/search?q={question}").text
    assert 'role="option"' in part
    assert "<html" not in part
    assert "Results for" in ann.get("/search", q=question).text


@pytest.mark.parametrize(("question", "said"), [("ma", "at least three"), ("zzzzz", "No results for")])
def test_an_empty_search_explains_itself(ann: Visitor, question: str, said: str) -> None:
    assert said in ann.part(f"/search?q={question}").text


def test_an_unknown_customer_is_a_404_page(ann: Visitor) -> None:
    page = ann.get("/customers/nobody")
    assert (page.status_code, "There is no customer &#39;nobody&#39;" in page.text) == (404, True)
    assert "Request " in page.text


def test_a_failed_part_is_a_notice_and_keeps_the_page(ann: Visitor) -> None:
    part = ann.part("/customers/nobody/parts/profile", **{"HX-Target": "profile"})
    assert (part.status_code, part.headers["hx-retarget"]) == (404, "#notices")
    assert ann.part("/customers/C1/parts/nothing").status_code == 404


@pytest.mark.parametrize("name", ["profile", "accounts", "notes", "requests", "conversations"])
def test_each_part_can_be_requested_alone(ann: Visitor, name: str) -> None:
    part = ann.part(f"/customers/C1/parts/{name}")
    assert part.status_code == 200
    assert f'<section id="{name}"' in part.text
    assert _at_any_time(part.text.strip()) in _at_any_time(ann.get("/customers/C1").text)


def _at_any_time(page: str) -> str:
    """Without the time of the ledger's balance."""
    return re.sub(r"(?<=Live from the ledger, )[^<]+", "just now", page)


def test_times_name_the_viewers_zone(ann: Visitor) -> None:
    assert "AEDT" in ann.get("/customers/C1").text
    ann.client.cookies.set("billie-zone", "Asia/Tokyo")
    assert "JST" in ann.get("/customers/C1").text
    ann.client.cookies.set("billie-zone", "../../etc/passwd")
    assert "AEDT" in ann.get("/customers/C1").text


def test_transactions_are_filtered_by_kind_and_days(ann: Visitor) -> None:
    all_of_them = ann.part("/loan-accounts/L1/transactions").text
    assert "Disbursement" in all_of_them
    assert "Establishment fee" in all_of_them
    fees = ann.part("/loan-accounts/L1/transactions?type=ESTABLISHMENT_FEE&from=&to=").text
    assert ("Disbursement" in fees, "Establishment fee" in fees) == (False, True)
    assert "match the filters" in ann.part("/loan-accounts/L1/transactions?to=2020-01-01").text
    wrong = ann.part("/loan-accounts/L1/transactions?from=2026-02-02&to=2026-01-01")
    assert (wrong.status_code, "it is before" in wrong.text) == (200, True)


def test_without_the_ledger_the_page_dates_its_balance(settings: Settings) -> None:
    away = settings.model_copy(update={"ledger_target": "127.0.0.1:1"})
    with console(away) as url, Visitor(url) as visitor:
        visitor.sign_in()
        page = visitor.get("/customers/C1").text
    assert "The ledger is not responding" in page
    assert "Live from the ledger" not in page


def test_reads_are_logged_as_the_signed_in_person(ann: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "billie.audit"):
        ann.get("/customers/C1")
    lines = [json.loads(each.getMessage()) for each in caplog.records if each.name == "billie.audit"]
    assert {line["caller"] for line in lines} == {"ann.lee"}
    assert "GET /v1/customers/{customerId}/overview" in {line["route"] for line in lines}


def test_files_are_kept_by_their_hash_alone(url: str) -> None:
    page = httpx.get(f"{url}/sign-in").text
    address = next(part for part in page.split('"') if part.startswith("/assets/console.css"))
    assert "immutable" in httpx.get(url + address).headers["cache-control"]
    assert httpx.get(f"{url}/assets/console.css").headers["cache-control"] == "no-cache"
    for name in ("../application.py", "..%2fapplication.py", "nothing.js", ""):
        assert httpx.get(f"{url}/assets/{name}").status_code == 404, name


def test_changes_are_followed_with_the_session(ann: Visitor) -> None:
    with ann.client.stream("GET", "/live?collection=customers") as live:
        assert live.headers["content-type"].startswith("text/event-stream")
        assert next(live.iter_lines()) == ": listening"
    assert ann.get("/live", collection="nothing").json()["code"] == "unknown_collection"
    assert httpx.get(f"{ann.url}/live").status_code == 303

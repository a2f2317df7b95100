"""Approvals and operators' pages in a browser, on the whole system."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.console.system import THEMES, System, account_of, customer_of, failures, late, sign_in
from tests.support.browser import faults_of
from tests.support.waiting import until

CUSTOMER, ACCOUNT = customer_of(late()), account_of(late())
NO_KEY = {"typ": "account.updated.v1", "payload": '{"note": "<b>no key</b>"}'}
PAGES = (
    "/approvals",
    "/pipeline",
    "/dead-letters",
    f"/customers/{CUSTOMER}/history",
    f"/loan-accounts/{ACCOUNT}/history?on=2020-01-01",
    f"/conversations/CONV-{late():06}/history",
)


@pytest.fixture(scope="module")
def ada(browser: Browser, running: System) -> Page:
    """An admin."""
    return sign_in(browser, running.url, "Ada Poe", "Admin")


def test_a_dead_letter_is_viewed_and_replayed(ada: Page, running: System) -> None:
    running.put(NO_KEY)
    until(lambda: running.api.get("/v1/dead-letters").json()["items"], what="the dead letter")
    ada.goto(f"{running.url}/dead-letters?reason=missing_key")
    ada.get_by_role("button", name="Replay all").click()
    expect(ada.get_by_role("dialog").get_by_role("button", name="Replay", exact=True)).to_be_visible()
    assert faults_of(ada) == []
    ada.keyboard.press("Escape")
    ada.get_by_role("link", name="Dead letters").click()
    ada.get_by_role("link", name="account.updated.v1").first.click()
    expect(ada.get_by_text('{"note": "<b>no key</b>"}')).to_be_visible()
    ada.get_by_role("button", name="Replay").click()
    ada.get_by_role("dialog").get_by_role("button", name="Replay", exact=True).click()
    expect(ada.locator("dialog .outcome")).to_contain_text("Failed again")
    assert faults_of(ada) == []
    ada.get_by_role("dialog").get_by_role("button", name="Close").click()
    ada.get_by_role("button", name="Discard").click()
    assert faults_of(ada) == []
    ada.get_by_role("dialog").get_by_role("button", name="Discard", exact=True).click()
    expect(ada.get_by_text("Enter a reason")).to_be_visible()
    ada.get_by_label("Reason").fill("A test: it never had a key.")
    ada.get_by_role("dialog").get_by_role("button", name="Discard", exact=True).click()
    expect(ada.locator("dialog .outcome")).to_contain_text("Discarded")
    assert running.api.get("/v1/dead-letters").json()["items"] == []


def test_the_pipeline_draws_itself_and_can_be_paused(ada: Page, running: System) -> None:
    ada.goto(f"{running.url}/pipeline")
    expect(ada.get_by_role("heading", name="Events recorded")).to_be_visible()
    expect(ada.locator("#pipeline-now polyline").first).to_be_attached()
    expect(ada.get_by_role("row", name="loan-accounts")).to_contain_text("Current")
    ada.get_by_role("button", name="Pause").click()
    expect(ada.get_by_text("Paused.")).to_be_visible()
    seen = ada.locator("#pipeline-seen").input_value()
    ada.get_by_role("button", name="Resume").click()
    expect(ada.get_by_text("Refreshed every two seconds")).to_be_visible()
    expect(ada.locator("#pipeline-seen")).not_to_have_value(seen)


def test_a_rebuild_is_watched_to_its_end_and_a_verification_agrees(ada: Page, running: System) -> None:
    ada.goto(f"{running.url}/pipeline")
    for kind, outcome in (("rebuild", " events"), ("verification", "all match the events")):
        ada.get_by_role("button", name="Rebuild…" if kind == "rebuild" else "Verify…").click()
        assert faults_of(ada) == []
        ada.get_by_role("button", name=f"Start {kind}").dblclick()
        expect(ada.locator("dialog .outcome")).to_contain_text("Requested")
        ada.get_by_role("dialog").get_by_role("button", name="Close").click()
        newest = ada.locator(".job").first
        expect(newest).to_contain_text("Done")
        expect(newest).to_contain_text(outcome)
    assert ada.locator(".job").count() == 2, "a double click asks for one"
    jobs = running.api.get("/v1/projection-jobs").json()["items"]
    assert [(each["kind"], each["status"], each["attempts"]) for each in jobs] == [
        ("verify", "done", 1),
        ("rebuild", "done", 1),
    ]


def test_one_person_requests_a_write_off_and_another_approves_it(
    browser: Browser, ada: Page, running: System, request: pytest.FixtureRequest
) -> None:
    ann = sign_in(browser, running.url, "Ann Lee", "Supervisor")
    sue = sign_in(browser, running.url, "Sue Ray", "Supervisor")
    badge = sue.locator(".badge")
    expect(badge).to_be_empty()
    ann.goto(f"{running.url}/customers/{CUSTOMER}")
    ann.get_by_role("button", name="Request write-off").click()
    ann.get_by_label("Reason").select_option("hardship")
    ann.get_by_role("button", name="Review").click()
    ann.get_by_role("button", name="Submit request").click()
    expect(ann.locator("dialog .outcome")).to_contain_text("Requested")
    expect(badge).to_contain_text("1")
    ann.get_by_role("dialog").get_by_role("button", name="Close").click()
    ann.get_by_role("link", name="Approvals").click()
    ann.locator("#queue a.line").click()
    expect(ann.locator("#approval")).to_contain_text("This is your own request")
    expect(ann.get_by_role("button", name="Approve")).to_have_count(0)
    sue.get_by_role("link", name="Approvals").click()
    sue.locator("#queue a.line").click()
    expect(sue.get_by_text("Live from the ledger")).to_be_visible()
    assert faults_of(sue) == []
    if folder := request.config.getoption("--screenshots"):
        sue.screenshot(path=Path(folder) / "approval.png")
    sue.get_by_role("button", name="Approve").click()
    sue.get_by_label("Comment").fill("Seen the statements of three months.")
    assert faults_of(sue) == []
    sue.get_by_role("button", name="Approve and post").dblclick()
    outcome = sue.locator("dialog .outcome")
    expect(outcome).to_contain_text("Posted")
    posted = [each for each in running.transactions(ACCOUNT) if each["type"] == "WRITE_OFF"]
    assert len(posted) == 1
    expect(outcome).to_contain_text(posted[0]["transactionId"])
    sue.reload()
    expect(outcome).to_contain_text(posted[0]["transactionId"])
    sue.keyboard.press("Escape")
    expect(ann.locator("#approval")).to_contain_text("Approved")
    expect(badge).to_be_empty()
    ann.context.close()
    sue.context.close()


@pytest.mark.parametrize("theme", THEMES)
def test_operator_pages_pass_axe_and_fit_the_screen(
    browser: Browser,
    running: System,
    theme: dict[str, object],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    """With ``--screenshots DIR`` pictures are kept."""
    name = request.node.callspec.id
    folder = Path(request.config.getoption("--screenshots") or tmp_path)
    rules = () if name == "light" else ("color-contrast", "target-size")
    running.put(NO_KEY)
    page = sign_in(browser, running.url, "Ada Poe", "Admin", **theme)
    for path in PAGES:
        page.goto(running.url + path)
        if path == "/pipeline":
            expect(page.locator("#pipeline-now polyline").first).to_be_attached()
            # What axe sets on an element meanwhile would be carried over to the one that takes its place.
            page.get_by_role("button", name="Pause").click()
        shown = path.partition("?")[0].strip("/").replace("/", "-").lower()
        page.screenshot(path=folder / f"{shown}-{name}.png")
        assert faults_of(page, *rules) == [], path
        assert failures() == [], path
        wide, screen = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= screen, path
    page.context.close()

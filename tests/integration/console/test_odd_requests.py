"""Requests and documents out of the ordinary: refused or shown, never an internal error."""

from datetime import UTC, datetime

import httpx
import pytest

from app.aggregates import Conversation
from app.event_store.application import Servicing
from app.runtime.settings.settings import Settings
from tests.support.api.console import Visitor, console
from tests.support.data.given import absorb
from tests.support.data.projecting import On
from tests.support.roles import project

NO_ADDRESS = "http://["


def test_an_invalid_address_is_ignored(url: str, ann: Visitor) -> None:
    with httpx.Client(base_url=url) as nobody:
        for following in ("//[", NO_ADDRESS):
            page = nobody.get("/sign-in", params={"next": following})
            assert (page.status_code, 'name="next" value="/"' in page.text) == (200, True)
    assert ann.part("/loan-accounts/L1/repayment", **{"HX-Current-URL": NO_ADDRESS}).status_code == 200
    assert ann.post("/customers/C1/note", {}, Origin=NO_ADDRESS).status_code == 403


def test_a_time_outside_the_calendar_is_shown(ann: Visitor, settings: Settings) -> None:
    servicing = Servicing.from_url(settings.event_store_url)
    last = datetime(9999, 12, 31, 20, tzinfo=UTC)
    absorb(servicing, [On(Conversation, "V9").start(customer_id="C2", started_at=last)])
    servicing.close()
    project(settings, drain=True)
    for path in ("/customers/C2", "/conversations/V9"):
        page = ann.get(path)
        assert page.status_code == 200, path
        assert "31 Dec 9999" in page.text
    ann.client.cookies.set("billie-zone", "America/New_York")
    first = ann.get("/customers/C1/history", as_of="0001-01-01T01:00:00Z")
    assert first.status_code == 200


@pytest.mark.parametrize("identifier", ["C1%2Fnotes", "%2e%2e", "C1%2F..%2FC2"])
def test_an_identifier_cannot_change_the_address(ann: Visitor, identifier: str) -> None:
    assert ann.client.get(f"/customers/{identifier}").status_code == 404


def test_cookies_are_secure_behind_a_proxy_that_ends_https(
    settings: Settings,
) -> None:
    there = settings.model_copy(update={"console_url": "https://desk.example"})
    with console(there) as url, httpx.Client(base_url=url) as client:
        form = {"name": "Ann", "role": "operations", "next": "/"}
        answer = client.post("/sign-in", data=form, headers={"Origin": "https://desk.example"})
        cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-billie-session=")
    assert "Secure" in cookie

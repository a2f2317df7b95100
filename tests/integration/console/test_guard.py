"""Every page: session, origin and token of forms, content security policy."""

import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from markupsafe import escape

from app.api.auth.role_table import rules
from app.console.application import create_app
from app.console.ui.page import POLICY
from app.runtime.settings.settings import Settings
from tests.integration.console.conftest import HOSTILE
from tests.support.api.console import Visitor, console

GIVEN = {
    "customer_id": "C1",
    "account_id": "L1",
    "conversation_id": "V1",
    "note_id": "N1",
    "name": "repayment",
    "identifier": "nobody",
    "verb": "approve",
    "dead_letter_id": "1-0",
    "kind": "rebuild",
    "job_id": "nobody",
}
OPEN = {"/sign-in", "/sign-in/issuer", "/sign-in/back", "/assets/{name:path}"}
"""Routes that need no session."""


def pages(settings: Settings, method: str) -> Iterator[str]:
    """The addresses of the console's routes."""
    for route in iter_route_contexts(create_app(settings).routes):
        original = route.original_route
        is_ours = isinstance(original, APIRoute) and original.endpoint.__module__.startswith("app.console")
        if is_ours and method in (route.methods or ()) and route.path not in OPEN | {"/sign-out"}:
            yield re.sub(r"{(\w+)}", lambda found: GIVEN[found[1]], str(route.path))


def test_every_page_needs_a_session(url: str, settings: Settings) -> None:
    found = list(pages(settings, "GET"))
    assert len(found) > 10
    for path in found:
        answer = httpx.get(url + path)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in"), path
        part = httpx.get(url + path, headers={"HX-Request": "true"})
        assert (part.status_code, part.headers["hx-redirect"], part.text) == (401, "/sign-in", ""), path


def test_every_page_forbids_inline_scripts_and_styles(url: str, settings: Settings, ann: Visitor) -> None:
    for path in [*(each for each in pages(settings, "GET") if each != "/live"), "/sign-in", "/nowhere"]:
        answer = ann.client.get(path, headers={"Accept": "text/html"})
        assert answer.headers["content-security-policy"] == POLICY, path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        ours = answer.text.replace(escape(HOSTILE), "")
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", ours), path
        assert not re.search(r"<script(?![^>]+src=)", ours), path
    assert "unsafe" not in POLICY


def test_every_change_needs_the_sessions_form_token(
    url: str, settings: Settings, ann: Visitor, sue: Visitor
) -> None:
    found = list(pages(settings, "POST"))
    assert len(found) >= 4
    for path in found:
        for token in ("", "x", sue.token):
            answer = ann.post(path, {"amount": "1"}, **{"X-Form-Token": token})
            assert answer.status_code == 403, path
            assert "other_session" in answer.text


@pytest.mark.parametrize(
    "sent",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_origin_is_refused(ann: Visitor, sent: dict[str, str]) -> None:
    answer = ann.post("/loan-accounts/L1/repayment", {"amount": "1"}, **sent)
    assert (answer.status_code, "other_origin" in answer.text) == (403, True)
    assert ann.client.post("/sign-out", headers=sent).status_code == 403


def test_a_change_without_an_origin_is_refused(ann: Visitor) -> None:
    answer = ann.client.post("/loan-accounts/L1/repayment", headers={"X-Form-Token": ann.token})
    assert (answer.status_code, "other_origin" in answer.text) == (403, True)


def test_the_session_cookie_is_hidden_from_scripts(url: str) -> None:
    form = {"name": "Ann Lee", "role": "operations"}
    answer = httpx.post(f"{url}/sign-in", data=form, headers={"Origin": url})
    (cookie,) = [each for each in answer.headers.get_list("set-cookie") if each.startswith("billie-session=")]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie, "this is on this machine, over HTTP"
    behind_tls = httpx.post(
        f"{url}/sign-in", data=form, headers={"Origin": "https://desk.example", "Host": "desk.example"}
    )
    (cookie,) = behind_tls.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-billie-session=")
    assert "Secure" in cookie


def test_a_changed_session_is_invalid(url: str, ann: Visitor) -> None:
    name, value = "billie-session", ann.client.cookies["billie-session"]
    for changed in (value[:-1], f"x{value}", value.replace(".", "", 1), "", "e30.x.y"):
        answer = httpx.get(f"{url}/", cookies={name: changed})
        assert answer.status_code == 303, changed
    assert httpx.get(f"{url}/", cookies={name: value}).status_code == 200


def test_a_session_ends(settings: Settings) -> None:
    with console(settings.model_copy(update={"session_hours": 1e-9})) as url, Visitor(url) as visitor:
        assert visitor.sign_in().url.path == "/sign-in"


def test_signing_out_ends_the_session_in_this_browser(ann: Visitor) -> None:
    answer = ann.client.post("/sign-out", headers={"Origin": ann.url})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert ann.get("/").status_code == 303


@pytest.mark.parametrize(
    "following", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "x"]
)
def test_signing_in_leads_to_a_page_of_ours_only(url: str, following: str) -> None:
    form = {"name": "Ann", "role": "admin", "next": following}
    answer = httpx.post(f"{url}/sign-in", data=form, headers={"Origin": url})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("form", [{"name": "", "role": "admin"}, {"name": "Ann", "role": "king"}, {}])
def test_signing_in_needs_a_name_and_a_role(url: str, form: dict[str, str]) -> None:
    answer = httpx.post(f"{url}/sign-in", data=form, headers={"Origin": url})
    assert (answer.status_code, "set-cookie" in answer.headers) == (422, False)
    assert "Enter a name and choose a role." in answer.text


def test_a_name_cannot_make_a_person_a_machine(url: str) -> None:
    form = {"name": "machine:billing", "role": "admin"}
    answer = httpx.post(f"{url}/sign-in", data=form, headers={"Origin": url})
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)


def test_no_header_sets_the_caller(url: str) -> None:
    for name in ("billie.caller", "Billie-Caller", "X-Billie-Caller", "state"):
        answer = httpx.get(f"{url}/v1/me", headers={name: "admin"})
        assert answer.status_code == 401, name


def test_a_session_is_no_api_token(url: str, ann: Visitor) -> None:
    assert ann.get("/v1/me").status_code == 401, "cookies count for nothing there"
    cookie = ann.client.cookies["billie-session"]
    assert httpx.get(f"{url}/v1/me", headers={"Authorization": f"Bearer {cookie}"}).status_code == 401


def test_pages_are_not_in_the_openapi_document(settings: Settings) -> None:
    with_console, without = create_app(settings), create_app(settings.model_copy(update={"console": "off"}))
    assert rules(with_console) == rules(without)
    assert with_console.openapi() == without.openapi()


def test_a_disabled_console_has_no_pages(settings: Settings) -> None:
    with console(settings.model_copy(update={"console": "off"})) as url:
        for path in ("/", "/sign-in", "/live", "/assets/console.css"):
            answer = httpx.get(url + path, headers={"Accept": "text/html"})
            assert (answer.status_code, answer.json()["code"]) == (404, "no_such_route"), path


def test_an_unknown_address_is_a_page_for_browsers_and_a_problem_for_programs(url: str, ann: Visitor) -> None:
    page = ann.client.get("/nowhere", headers={"Accept": "text/html,*/*"})
    assert (page.status_code, "No page at this address" in page.text) == (404, True)
    problem = ann.client.get("/nowhere")
    assert problem.headers["content-type"] == "application/problem+json"
    of_the_api = ann.client.get("/v1/nowhere", headers={"Accept": "text/html,*/*"})
    assert of_the_api.headers["content-type"] == "application/problem+json"

"""Signing in at the issuer: the code flow with PKCE, state and nonce, each of them checked."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.console.session.issuer import Issuer
from app.runtime.servers.embedded import free_port
from app.runtime.settings.settings import Settings
from tests.support.api.console import console_at
from tests.support.servers.issuer import Issuer as Keys
from tests.support.servers.issuer import issuer, rsa_key
from tests.support.servers.oidc import Provider, provider


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    with issuer() as found:
        yield found


@pytest.fixture(scope="module")
def signing(keys: Keys) -> Iterator[Provider]:
    with provider(keys) as found:
        yield found


@pytest.fixture(autouse=True)
def afresh(signing: Provider) -> None:
    signing.claims = {"sub": "ann", "name": "Ann Lee", "role": "operations"}
    signing.discovery, signing.is_away = {}, False


@pytest.fixture(scope="module")
def url(settings: Settings, signing: Provider) -> Iterator[str]:
    port = free_port()
    with console_at(port, signing.settings(settings, f"http://127.0.0.1:{port}")) as url:
        yield url


@pytest.fixture
def browser(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client


def back(browser: httpx.Client, following: str = "/search") -> str:
    """Sign in at the issuer; the address that it redirects to."""
    there = browser.get("/sign-in/issuer", params={"next": following})
    assert there.status_code == 303, there.text
    return httpx.get(there.headers["location"]).headers["location"]


def signed_in(browser: httpx.Client) -> httpx.Response:
    return browser.get(back(browser))


def test_the_issuers_claims_sign_the_person_in(browser: httpx.Client) -> None:
    assert browser.get("/customers/C1?x=1").headers["location"] == "/sign-in?next=/customers/C1%3Fx%3D1"
    assert "Sign in with your work account" in browser.get("/sign-in").text
    answer = browser.get(back(browser, "/customers/C1"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/customers/C1")
    page = browser.get("/customers/C1").text
    assert "Ann Lee" in page
    assert "Operations, until" in page


def test_the_redirect_to_the_issuer_holds_no_secret(browser: httpx.Client) -> None:
    query = parse_qs(urlsplit(browser.get("/sign-in/issuer").headers["location"]).query)
    assert query.keys() == {
        *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
        *("code_challenge", "code_challenge_method"),
    }
    assert len(query["state"][0]) >= 32
    assert query["state"] != query["nonce"]


def test_a_sign_in_belongs_to_the_browser_that_started_it(browser: httpx.Client, url: str) -> None:
    address = back(browser)
    other = httpx.get(address)
    assert (other.status_code, "sign_in_refused" in other.text) == (401, True)
    with httpx.Client(base_url=url) as another:
        back(another)
        assert another.get(address).status_code == 401, "its own state is another one"
    assert browser.get(address).status_code == 303


def test_a_code_counts_once(browser: httpx.Client) -> None:
    address = back(browser)
    cookies = dict(browser.cookies)
    assert browser.get(address).status_code == 303
    assert "billie-sign-in" not in browser.cookies
    again = httpx.get(address, cookies=cookies)
    assert (again.status_code, "rejected this sign-in" in again.text) == (401, True)


def test_a_failed_sign_in_is_explained(browser: httpx.Client) -> None:
    state = parse_qs(urlsplit(back(browser)).query)["state"][0]
    answer = browser.get("/sign-in/back", params={"state": state, "error": "access_denied"})
    assert (answer.status_code, "did not sign you in" in answer.text) == (401, True)


@pytest.mark.parametrize(
    ("claims", "status", "code"),
    [
        ({"nonce": "another sign-in's"}, 401, "sign_in_refused"),
        ({"aud": "billie-servicing"}, 401, "sign_in_refused"),
        ({"iss": "https://other.example"}, 401, "sign_in_refused"),
        ({"exp": 1}, 401, "sign_in_refused"),
        ({"role": "king"}, 403, "no_role"),
        ({"role": None}, 403, "no_role"),
        ({"sub": "machine:x"}, 401, "invalid_token"),
        ({"client_id": "ann"}, 403, "takes_a_person"),
    ],
)
def test_an_invalid_token_is_refused(
    browser: httpx.Client, signing: Provider, claims: dict[str, Any], status: int, code: str
) -> None:
    signing.claims |= claims
    answer = signed_in(browser)
    assert (answer.status_code, code in answer.text) == (status, True), answer.text
    assert browser.get("/").status_code == 303


def test_a_token_of_another_key_is_refused(browser: httpx.Client, signing: Provider, keys: Keys) -> None:
    signing.claims |= {"key": rsa_key(7)}
    assert signed_in(browser).status_code == 401


def test_the_highest_role_of_a_list_counts(browser: httpx.Client, signing: Provider) -> None:
    signing.claims |= {"role": ["readonly", "supervisor", "other"]}
    assert signed_in(browser).status_code == 303
    assert "Supervisor, until" in browser.get("/search").text


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": "http://issuer.example/token"},
        {"authorization_endpoint": None},
    ],
)
def test_a_foreign_issuer_is_not_called(
    settings: Settings, signing: Provider, discovery: dict[str, Any]
) -> None:
    port = free_port()
    signing.discovery = discovery
    with console_at(port, signing.settings(settings, f"http://127.0.0.1:{port}")) as url:
        answer = httpx.get(f"{url}/sign-in/issuer")
        assert (answer.status_code, "issuer_unavailable" in answer.text) == (503, True)
        signing.discovery = {}
        assert httpx.get(f"{url}/sign-in/issuer").status_code == 303, "it is asked again"


def test_an_unavailable_issuer_is_reported(settings: Settings, signing: Provider) -> None:
    port = free_port()
    signing.is_away = True
    with console_at(port, signing.settings(settings, f"http://127.0.0.1:{port}")) as url:
        answer = httpx.get(f"{url}/sign-in/issuer")
        assert (answer.status_code, "Try again" in answer.text) == (503, True)


def test_sign_ins_at_once_read_the_discovery_document_once(settings: Settings, signing: Provider) -> None:
    begun = signing.discoveries

    async def start() -> set[str]:
        issuer = Issuer(signing.settings(settings, "http://127.0.0.1:1"))
        return {started.state for started in await asyncio.gather(*(issuer.start() for _ in range(10)))}

    assert len(asyncio.run(start())) == 10, "each has a state of its own"
    assert signing.discoveries == begun + 1


def test_with_an_issuer_people_cannot_choose_their_name(browser: httpx.Client, url: str) -> None:
    form = {"name": "Ann", "role": "admin"}
    answer = browser.post("/sign-in", data=form, headers={"Origin": url})
    assert (answer.status_code, "set-cookie" in answer.headers) == (404, False)

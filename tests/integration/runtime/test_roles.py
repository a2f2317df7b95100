"""Every route, with every role, with none, and with what it does not know."""

from collections.abc import Iterator

import httpx
import pytest
from pydantic import SecretStr

from app.api.application import create_app
from app.api.auth.development_tokens import issue_token
from app.api.auth.role_table import Rule, rules
from app.api.auth.roles import Role
from app.runtime.servers.embedded import EmbeddedServer
from app.runtime.settings.settings import Settings
from tests.support.api.serving import serving
from tests.support.servers.event_stores import NewStore

SECRET = SecretStr("a secret for tests, of more than 32 bytes")
RULES = rules(create_app(Settings(jwt_secret=SECRET)))
EACH_ROUTE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.method} {rule.path}")
GUARDED = pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.least], ids=lambda rule: f"{rule.method} {rule.path}"
)


@pytest.fixture(scope="module")
def settings(redis_server: EmbeddedServer, mongo_url: str, new_store: NewStore) -> Settings:
    return Settings(
        redis_url=redis_server.url,
        mongo_url=mongo_url,
        mongo_db="roles",
        event_store_url=new_store(),
        ledger_target="127.0.0.1:1",
        jwt_secret=SECRET,
        rate_per_second=0,
    )


@pytest.fixture(scope="module")
def url(settings: Settings) -> Iterator[str]:
    with serving(settings) as url:
        yield url


def call(
    url: str, rule: Rule, token: str | None = None, params: dict[str, str] | None = None
) -> httpx.Response:
    path = rule.path.replace("{deadLetterId}", "1-0").replace("{", "").replace("}", "")
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with httpx.stream(rule.method, url + path, headers=headers, params=params, timeout=30) as answer:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):  # It would never end.
            answer.read()
        return answer


def code_of(answer: httpx.Response) -> str | None:
    """The problem's code, where it is one; and each that is one says so, with its request's id."""
    if answer.status_code < 400:
        return None
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["requestId"] == answer.headers["x-request-id"]
    return str(problem["code"])


def test_all_but_health_take_a_role() -> None:
    assert [rule.path for rule in RULES if rule.least is None] == ["/healthz", "/readyz"]
    assert len(RULES) > 35


@GUARDED
def test_every_route_needs_a_token(url: str, rule: Rule) -> None:
    answer = call(url, rule)
    assert (answer.status_code, code_of(answer)) == (401, "no_token")
    assert (call(url, rule, "x.y.z").status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@GUARDED
@pytest.mark.parametrize("role", Role)
def test_each_role_may_call_the_routes_of_the_table(
    url: str, settings: Settings, rule: Rule, role: Role
) -> None:
    answer = call(url, rule, issue_token(settings, "ann", role))
    if rule.admits(role):
        assert answer.status_code not in (401, 403, 500), answer.text
        assert code_of(answer) != "no_such_route"
    else:
        assert (answer.status_code, code_of(answer)) == (403, "role_too_low")


@GUARDED
def test_a_machine_may_call_all_but_routes_for_people(url: str, settings: Settings, rule: Rule) -> None:
    answer = call(url, rule, issue_token(settings, "billing", "admin", for_machine=True))
    if rule.person:
        assert (answer.status_code, code_of(answer)) == (403, "takes_a_person")
    else:
        assert answer.status_code not in (401, 403, 500), answer.text


@EACH_ROUTE
def test_unknown_parameters_are_refused_by_name(url: str, settings: Settings, rule: Rule) -> None:
    answer = call(url, rule, issue_token(settings, "ann", "admin"), {"custmerId": "C1", "limit[$gt]": ""})
    assert (answer.status_code, code_of(answer)) == (400, "unknown_parameter")
    assert "custmerId" in answer.json()["detail"]
    assert "limit[$gt]" in answer.json()["detail"]

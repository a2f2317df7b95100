"""Which tokens an issuer's keys let in, and what happens when the keys change, or cannot be had."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.utils import base64url_encode

from app.api.application import create_app
from app.api.auth import issuer_keys
from app.api.auth.development_tokens import AuthenticationNotConfiguredError
from app.runtime.settings.settings import Settings
from tests.support.api.serving import serving
from tests.support.servers.issuer import AUDIENCE, ISSUER, Issuer, issuer, rsa_key
from tests.support.waiting import LONG_S, until

Asked = Callable[[str], httpx.Response]


@pytest.fixture
def keys() -> Iterator[Issuer]:
    with issuer() as found:
        yield found


def ask(url: str, token: str) -> httpx.Response:
    return httpx.get(f"{url}/v1/me", headers={"Authorization": f"Bearer {token}"}, timeout=LONG_S)


@pytest.fixture
def asked(settings: Settings, keys: Issuer) -> Iterator[Asked]:
    """Asks the API who the bearer of a token is."""
    with serving(keys.settings(settings)) as url:
        yield lambda token: ask(url, token)


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"


def signed_with_hmac(key: bytes, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """What PyJWT refuses to make: an HMAC under a key that is a PEM."""
    signed = b".".join(base64url_encode(json.dumps(part).encode()) for part in (header, claims))
    return b".".join((signed, base64url_encode(hmac.new(key, signed, hashlib.sha256).digest()))).decode()


def claims(**more: Any) -> dict[str, Any]:
    soon = int(datetime.now(UTC).timestamp()) + 3_600
    return {"sub": "ann", "role": "admin", "iss": ISSUER, "aud": AUDIENCE, "exp": soon} | more


def test_a_good_token_is_let_in(asked: Asked, keys: Issuer) -> None:
    answer = asked(keys.token(name="Ann Lee", role=["offline_access", "operations", "readonly"]))
    assert answer.json() == {"id": "ann", "name": "Ann Lee", "role": "operations", "kind": "person"}
    assert asked(keys.token(aud=["another", AUDIENCE])).status_code == 200
    assert asked(keys.token(kid=None)).status_code == 200, "the issuer has one key only"
    assert keys.fetches == 1


def test_a_key_of_an_elliptic_curve_is_as_good(asked: Asked, keys: Issuer) -> None:
    keys.keys["curve"] = ec.generate_private_key(ec.SECP256R1())
    assert asked(keys.token("curve", algorithm="ES256")).status_code == 200
    refused(asked(keys.token("first", keys.keys["curve"], "ES256")), 401, "invalid_token")


def test_bad_tokens_are_refused(asked: Asked, keys: Issuer) -> None:
    past, later = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)
    deep = urlsafe_b64encode(b'{"alg":' + b"[" * 9_000 + b"]" * 9_000 + b"}").decode().rstrip("=")
    bad = {
        "alg none": jwt.encode(claims(), "", algorithm="none", headers={"kid": "first"}),
        "alg none, in other letters": signed_with_hmac(b"", {"alg": "nOnE", "kid": "first"}, claims()),
        "HS256 with the public key": signed_with_hmac(
            keys.public_pem(), {"alg": "HS256", "typ": "JWT", "kid": "first"}, claims()
        ),
        "RS256 said, HMAC made": signed_with_hmac(
            keys.public_pem(), {"alg": "RS256", "typ": "JWT", "kid": "first"}, claims()
        ),
        "another algorithm of the same key": keys.token(algorithm="RS512"),
        "PS256": keys.token(algorithm="PS256"),
        "somebody else's key": keys.token(key=rsa_key(1)),
        "a key of its own": jwt.encode(
            claims(), rsa_key(1), algorithm="RS256", headers={"kid": "first", "jku": "http://127.0.0.1:1/"}
        ),
        "expired": keys.token(exp=past),
        "not yet": keys.token(nbf=later),
        "for ever": keys.token(exp=None),
        "wrong audience": keys.token(aud="another"),
        "no audience": keys.token(aud=None),
        "wrong issuer": keys.token(iss=f"{ISSUER}/"),
        "no issuer": keys.token(iss=None),
        "nobody": keys.token(sub=None),
        "blank": keys.token(sub=" "),
        "two lines": keys.token(sub="ann\n2026-11-25 api INFO"),
        "a long name": keys.token(sub="a" * 201),
        "a person named like a machine": keys.token(sub="Machine: billing"),
        "too deep": f"{deep}.e30.x",
        "garbage": "x.y.z",
        "empty": "e30.e30.",
    }
    for name, token in bad.items():
        answer = asked(token)
        assert answer.status_code == 401, (name, answer.text)
        refused(answer, 401, "invalid_token")
    assert keys.fetches == 1


@pytest.mark.parametrize("role", ["owner", "", None, [], ["owner", 7, None, {}], {"admin": True}, 4, "Admin"])
def test_an_unknown_role_is_refused(asked: Asked, keys: Issuer, role: Any) -> None:
    refused(asked(keys.token(role=role)), 403, "no_role")


@pytest.mark.parametrize(
    ("setting", "more"),
    [
        ("realm_access.roles", {"realm_access": {"roles": ["uma", "supervisor", "readonly"]}}),
        ("https://billie.test/roles", {"https://billie.test/roles": ["supervisor"]}),
        ("groups", {"groups": "supervisor"}),
    ],
)
def test_the_role_may_be_in_another_claim(
    settings: Settings, keys: Issuer, setting: str, more: dict[str, Any]
) -> None:
    with serving(keys.settings(settings, jwt_role_claim=setting)) as url:
        assert ask(url, keys.token(**{"role": None} | more)).json()["role"] == "supervisor"
        refused(ask(url, keys.token(role="admin", realm_access=["admin"])), 403, "no_role")


def test_a_rotated_key_is_fetched_once(asked: Asked, keys: Issuer) -> None:
    assert asked(keys.token()).status_code == 200
    keys.keys = {"second": rsa_key(1)}
    token = keys.token("second")
    with ThreadPoolExecutor(8) as many:
        statuses = [answer.status_code for answer in many.map(asked, [token] * 24)]
    assert statuses == [200] * 24
    assert keys.fetches == 2
    refused(asked(keys.token("first", rsa_key(0))), 401, "invalid_token")  # It was withdrawn.


def test_unknown_keys_do_not_hammer_the_issuer(asked: Asked, keys: Issuer) -> None:
    with ThreadPoolExecutor(8) as many:
        tokens = [keys.token(f"made up {number}", rsa_key(1)) for number in range(60)]
        for answer in many.map(asked, tokens):
            refused(answer, 401, "invalid_token")
    assert keys.fetches == 2, "the first ones, and once for all that are unknown"


def test_after_a_pause_an_unknown_key_is_looked_for_again(settings: Settings, keys: Issuer) -> None:
    with serving(keys.settings(settings, jwks_pause_seconds=0.05)) as url:
        assert ask(url, keys.token()).status_code == 200
        refused(ask(url, keys.token("unknown", rsa_key(1))), 401, "invalid_token")
        keys.keys["second"] = rsa_key(1)
        until(lambda: ask(url, keys.token("second")).status_code == 200, what="the second key")


AT_ONCE = timedelta(seconds=LONG_S / 2)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that waits for the issuer does so for a minute."""
    monkeypatch.setattr(issuer_keys, "_TIMEOUT_S", LONG_S)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("fault", ["down", "an error", "no JSON", "no keys", "useless keys", "hangs"])
def test_known_keys_stay_valid_without_their_issuer(settings: Settings, keys: Issuer, fault: str) -> None:
    with serving(keys.settings(settings, jwks_refresh_seconds=0.001)) as url:
        assert ask(url, keys.token()).status_code == 200
        fail(keys, fault)
        for number in range(20):  # Each another token: a known one is not verified again.
            answer = ask(url, keys.token(jti=str(number)))
            assert answer.status_code == 200
            assert answer.elapsed < AT_ONCE, "nobody waits for the issuer"
        keys.let_go.set()
        if fault == "down":
            assert httpx.get(f"{url}/readyz").status_code == 200
            # It may be a new one, for all that we know: the token is not called bad.
            refused(ask(url, keys.token("second", rsa_key(1))), 503, "signing_keys_unavailable")
            keys.start()
            keys.keys["second"] = rsa_key(1)
            until(lambda: ask(url, keys.token("second")).status_code == 200, what="the issuer's return")


def fail(keys: Issuer, fault: str) -> None:
    if fault == "down":
        keys.stop()
    elif fault == "hangs":
        keys.hangs.set()
    elif fault == "an error":
        keys.status = 500
    else:
        documents = {"no JSON": "<html>", "no keys": '{"keys": [7]}'}
        useless = '{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "first", "alg": "HS256"}]}'
        keys.document = documents.get(fault, useless)


@pytest.mark.usefixtures("patient")
def test_without_any_key_no_token_is_refused_as_invalid(settings: Settings, keys: Issuer) -> None:
    keys.stop()
    with serving(keys.settings(settings)) as url:
        for _ in range(20):
            answer = ask(url, keys.token())
            assert answer.elapsed < AT_ONCE
            refused(answer, 503, "signing_keys_unavailable")
            assert (answer.headers["retry-after"], answer.json()["retryable"]) == ("2", True)
        refused(httpx.get(f"{url}/readyz"), 503, "signing_keys_unavailable")
        assert httpx.get(f"{url}/healthz").status_code == 200
        keys.start()
        until(lambda: ask(url, keys.token()).status_code == 200, what="the issuer")
        assert httpx.get(f"{url}/readyz").status_code == 200


def test_keys_expire_while_their_issuer_is_unavailable(
    settings: Settings, keys: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100_000.0]
    monkeypatch.setattr(issuer_keys, "monotonic", lambda: clock[0])
    with serving(keys.settings(settings, jwks_outage_hours=2)) as url:
        assert ask(url, keys.token()).status_code == 200
        keys.stop()
        clock[0] += 2 * 3_600 - 1
        assert ask(url, keys.token(jti="trusted")).status_code == 200
        clock[0] += 2
        assert ask(url, keys.token(jti="not trusted")).status_code == 503
        keys.start()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"jwt_issuer": None}, "BILLIE_JWT_ISSUER"),
        ({"jwt_audience": ""}, "BILLIE_JWT_AUDIENCE"),
        ({"jwks_url": "http://issuer.test/keys"}, "https://"),
        ({"jwks_url": "file:///etc/passwd"}, "https://"),
        ({"jwks_url": "https:///keys"}, "https://"),
    ],
)
def test_an_api_that_would_accept_foreign_tokens_does_not_start(
    settings: Settings, keys: Issuer, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(AuthenticationNotConfiguredError, match=says):
        create_app(keys.settings(settings, **changes))

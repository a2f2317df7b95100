"""A provider of sign-ins: the tests' issuer, with what OpenID Connect's code flow needs besides its keys.

It holds a client to what the flow promises: the redirect that it knows, PKCE, a code that counts once.
"""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from pydantic import SecretStr

from app.runtime.settings.settings import Settings
from tests.support.servers.issuer import Issuer

CLIENT, SECRET = "billie-console", "the client's own secret"


class Provider:
    """Signs everybody in as what ``claims`` say, without asking for a password."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.claims: dict[str, Any] = {"sub": "ann", "name": "Ann Lee", "role": "operations"}
        self.discovery: dict[str, Any] = {}
        """What of the discovery document is other than it should be."""
        self.is_away = False
        self.discoveries = 0
        """How often the discovery document was read."""
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if provider.is_away:
                    self._answer(503, {})
                elif parts.path == "/.well-known/openid-configuration":
                    provider.discoveries += 1
                    self._answer(200, provider._discovered())
                else:
                    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
                    self.send_response(303)
                    self.send_header("Location", provider._authorized(asked))
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                asked = {name: values[0] for name, values in parse_qs(form).items()}
                token = provider._token(asked)
                self._answer(*((400, {"error": "invalid_grant"}) if token is None else (200, token)))

            def _answer(self, status: int, body: dict[str, Any]) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def settings(self, settings: Settings, console_url: str) -> Settings:
        """Those of an API whose console signs people in here."""
        return self.issuer.settings(
            settings,
            jwt_issuer=self.url,
            console="oidc",
            console_url=console_url,
            oidc_client_id=CLIENT,
            oidc_client_secret=SecretStr(SECRET),
        )

    def stop(self) -> None:
        """Nothing listens any more."""
        self._server.shutdown()
        self._server.server_close()

    def _discovered(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
        } | self.discovery

    def _authorized(self, asked: dict[str, str]) -> str:
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = token_urlsafe(8)
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def _token(self, asked: dict[str, str]) -> dict[str, Any] | None:
        begun = self._codes.pop(asked["code"], None)
        digest = hashlib.sha256(asked["code_verifier"].encode()).digest()
        if (
            begun is None
            or asked["client_secret"] != SECRET
            or asked["redirect_uri"] != begun["redirect_uri"]
            or urlsafe_b64encode(digest).rstrip(b"=").decode() != begun["code_challenge"]
        ):
            return None
        claims = {"iss": self.url, "aud": CLIENT, "azp": CLIENT, "nonce": begun["nonce"]} | self.claims
        return {"id_token": self.issuer.token(**claims), "access_token": "unused", "token_type": "Bearer"}


@contextmanager
def provider(issuer: Issuer) -> Iterator[Provider]:
    """One that listens until the test is done."""
    found = Provider(issuer)
    try:
        yield found
    finally:
        found.stop()

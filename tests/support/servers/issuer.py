"""An issuer of tokens: a real HTTP server with its public keys, which can rotate, fail, hang, and go away."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from app.runtime.settings.settings import Settings
from tests.support.waiting import LONG_S

ISSUER, AUDIENCE = "https://issuer.test/realms/billie", "billie-servicing"


@lru_cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """Made once for each number: it takes a while."""
    return rsa.generate_private_key(65_537, 2_048)


class Issuer:
    """Serves what ``document`` holds, and counts who asks."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"first": rsa_key()}
        self.document: Any = None
        """Served instead of the keys, if there is one: text, unchanged."""
        self.status = 200
        self.fetches = 0
        self.hangs = Event()
        self.let_go = Event()
        self._server = self._listening(0)
        self.port = self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/keys"

    def settings(self, settings: Settings, **more: Any) -> Settings:
        """Settings of an API that trusts this issuer."""
        trust = {"jwks_url": self.url, "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE, "jwt_secret": None}
        return settings.model_copy(update=trust | more)

    def token(self, kid: str | None = "first", key: Any = None, algorithm: str = "RS256", **more: Any) -> str:
        """A token that is good, but for what is given: a claim of None is left out."""
        now = datetime.now(UTC)
        claims = {
            "sub": "ann",
            "role": "readonly",
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + timedelta(hours=1),
        } | more
        present = {name: value for name, value in claims.items() if value is not None}
        signing = self.keys.get(kid or "first") if key is None else key
        header = None if kid is None else {"kid": kid}
        return jwt.encode(present, signing, algorithm=algorithm, headers=header)

    def public_pem(self, kid: str = "first") -> bytes:
        key = self.keys[kid].public_key()
        pem: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def stop(self) -> None:
        """Nothing listens any more."""
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()

    def start(self) -> None:
        """On the same port again."""
        self.let_go.clear()
        self._server = self._listening(self.port)

    def _listening(self, port: int) -> ThreadingHTTPServer:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetches += 1
                if issuer.hangs.is_set():
                    issuer.let_go.wait(2 * LONG_S)
                    return
                body = issuer._body().encode()
                self.send_response(issuer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server

    def _body(self) -> str:
        if self.document is not None:
            return str(self.document)
        return json.dumps({"keys": [_jwk(kid, key) for kid, key in self.keys.items()]})


def _jwk(kid: str, key: Any) -> dict[str, Any]:
    algorithm = ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else RSAAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


@contextmanager
def issuer() -> Iterator[Issuer]:
    """One that listens until the test is done."""
    found = Issuer()
    try:
        yield found
    finally:
        found.stop()

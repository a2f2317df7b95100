"""Sessions: signed cookies that the browser's scripts cannot read. They hold no token.

A form that changes something also carries a token bound to the session, which no other site can know.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from itsdangerous import BadData, Signer, URLSafeTimedSerializer

from app.api.auth.callers import Caller
from app.api.auth.roles import Role
from app.runtime.settings.loopback import is_local
from app.runtime.settings.settings import Settings

_SESSION = "billie-session"
_SIGN_IN = "billie-sign-in"
_SIGN_IN_LASTS = timedelta(minutes=10)


@dataclass(frozen=True)
class Session:
    """A signed-in person, until ``ends_at``. ``id`` binds forms to the session."""

    id: str
    user: str
    role: Role
    name: str | None
    ends_at: datetime

    @property
    def caller(self) -> Caller:
        """The person as REST knows them."""
        return Caller(self.user, self.role, self.name)

    @property
    def display_name(self) -> str:
        """The name on the screen."""
        return self.name or self.user


class Sessions:
    """Starts sessions and finds them in requests."""

    def __init__(self, settings: Settings) -> None:
        configured = settings.session_secret
        secret = configured.get_secret_value() if configured else secrets.token_urlsafe(48)
        # A salt each: no cookie can stand in for another kind.
        self._sessions = URLSafeTimedSerializer(secret, salt="billie-console-session")
        self._sign_ins = URLSafeTimedSerializer(secret, salt="billie-console-sign-in")
        self._forms = Signer(secret, salt="billie-console-form")
        self._lasts = timedelta(hours=settings.session_hours)
        self._console_url = urlsplit(settings.console_url or "")

    def start(self, request: Request, response: Response, caller: Caller) -> None:
        """Sign a person in."""
        person = {
            "id": secrets.token_urlsafe(16),
            "user": caller.user,
            "role": caller.role,
            "name": caller.name,
        }
        self._set(request, response, _SESSION, self._sessions.dumps(person), self._lasts)

    def end(self, request: Request, response: Response) -> None:
        """Sign the person out in this browser."""
        self._set(request, response, _SESSION, "", timedelta())

    def of(self, request: Request) -> Session | None:
        """The valid session of a request, if any."""
        if (found := self._load(request, _SESSION, self._sessions, self._lasts)) is None:
            return None
        person, ends_at = found
        return Session(person["id"], person["user"], Role(person["role"]), person["name"], ends_at)

    def form_token(self, session: Session) -> str:
        """The token that each form of the session carries."""
        return self._forms.get_signature(session.id).decode()

    def is_form_token(self, session: Session, token: str) -> bool:
        """Whether a form belongs to the session."""
        return compare_digest(self.form_token(session).encode(), token.encode("utf-8", "replace"))

    def keep_sign_in(self, request: Request, response: Response, sign_in: dict[str, Any]) -> None:
        """Keep the state of a sign-in at the issuer for ten minutes."""
        self._set(request, response, _SIGN_IN, self._sign_ins.dumps(sign_in), _SIGN_IN_LASTS)

    def sign_in_of(self, request: Request) -> dict[str, Any] | None:
        """The sign-in that this browser started, if it is not too old."""
        found = self._load(request, _SIGN_IN, self._sign_ins, _SIGN_IN_LASTS)
        return None if found is None else found[0]

    def drop_sign_in(self, request: Request, response: Response) -> None:
        """Forget a finished sign-in."""
        self._set(request, response, _SIGN_IN, "", timedelta())

    def _load(
        self, request: Request, name: str, serializer: URLSafeTimedSerializer, lasts: timedelta
    ) -> tuple[dict[str, Any], datetime] | None:
        try:
            cookie = request.cookies.get(self._cookie_name(request, name), "")
            content, signed_at = serializer.loads(cookie, return_timestamp=True)
        except BadData:
            return None
        ends_at = signed_at + lasts
        return None if ends_at <= datetime.now(UTC) else (content, ends_at)

    def _set(
        self, request: Request, response: Response, name: str, value: str | bytes, lasts: timedelta
    ) -> None:
        response.set_cookie(
            self._cookie_name(request, name),
            value if isinstance(value, str) else value.decode(),
            max_age=int(lasts.total_seconds()),
            path="/",
            secure=self._is_secure(request),
            httponly=True,
            samesite="lax",
        )

    def _cookie_name(self, request: Request, name: str) -> str:
        """With the prefix for which browsers refuse other hosts and plain HTTP."""
        return f"__Host-{name}" if self._is_secure(request) else name

    def _is_secure(self, request: Request) -> bool:
        """Whether cookies are for HTTPS only: by BILLIE_CONSOLE_URL, else everywhere but on this machine."""
        if self._console_url.scheme:
            return self._console_url.scheme == "https"
        return not is_local(request.url.hostname or "")

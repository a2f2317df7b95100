"""Who is signed in: a signed cookie, which the browser's scripts cannot read.

It holds who somebody is and what they may do, and no token of theirs. What a form changes takes a second word
bound to the session, which a page of somebody else's cannot know.
"""

import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any

from fastapi import Request, Response
from itsdangerous import BadData, Signer, URLSafeSerializer

from app.api.auth.callers import Caller, Role
from app.console.ui.addresses import split
from app.runtime.servers.loopback import is_local
from app.runtime.settings.settings import Settings

_NAME = "billie-session"
_SIGNING_IN = "billie-sign-in"
_SIGNING_IN_S = 600


@dataclass(frozen=True)
class Session:
    """A person's, until ``ends_at``. ``id`` binds forms to it."""

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
    def called(self) -> str:
        """What to call them on the screen."""
        return self.name or self.user


class Sessions:
    """Makes sessions, and finds them in requests."""

    def __init__(self, settings: Settings) -> None:
        given = settings.session_secret
        secret = given.get_secret_value() if given else secrets.token_urlsafe(48)
        # Each kind has a salt of its own: none can stand for another.
        self._cookies = URLSafeSerializer(secret, salt="billie-console-session")
        self._signing_in = URLSafeSerializer(secret, salt="billie-console-sign-in")
        self._forms = Signer(secret, salt="billie-console-form")
        self._lasts = timedelta(hours=settings.session_hours)

    def begin(self, request: Request, response: Response, caller: Caller) -> None:
        """Sign a person in."""
        session = Session(
            secrets.token_urlsafe(16),
            caller.user,
            caller.role,
            caller.name,
            datetime.now(UTC) + self._lasts,
        )
        told = asdict(session) | {"ends_at": session.ends_at.timestamp()}
        seconds = int(self._lasts.total_seconds())
        self._set(request, response, _NAME, self._dumped(self._cookies, told), seconds)

    def end(self, request: Request, response: Response) -> None:
        """Sign out."""
        self._set(request, response, _NAME, "", 0)

    def of(self, request: Request) -> Session | None:
        """Whose request it is; None where it has no session that is good now."""
        told = _loaded(self._cookies, request.cookies.get(_named(request, _NAME), ""))
        if told is None or told["ends_at"] <= datetime.now(UTC).timestamp():
            return None
        ends_at = datetime.fromtimestamp(told["ends_at"], UTC)
        return Session(told["id"], told["user"], Role(told["role"]), told["name"], ends_at)

    def form_token(self, session: Session) -> str:
        """What each form of the session carries."""
        return self._forms.get_signature(session.id).decode()

    def is_form_token(self, session: Session, told: str) -> bool:
        """Whether a form is of this session."""
        return compare_digest(self.form_token(session).encode(), told.encode("utf-8", "replace"))

    def remember_sign_in(self, request: Request, response: Response, told: dict[str, Any]) -> None:
        """Keep what a sign-in at the issuer has to come back with, for ten minutes."""
        told = told | {"ends_at": datetime.now(UTC).timestamp() + _SIGNING_IN_S}
        self._set(request, response, _SIGNING_IN, self._dumped(self._signing_in, told), _SIGNING_IN_S)

    def remembered_sign_in(self, request: Request) -> dict[str, Any] | None:
        """What was kept; None where nothing was, or too long ago."""
        told = _loaded(self._signing_in, request.cookies.get(_named(request, _SIGNING_IN), ""))
        return None if told is None or told["ends_at"] <= datetime.now(UTC).timestamp() else told

    def forget_sign_in(self, request: Request, response: Response) -> None:
        """It has come back."""
        self._set(request, response, _SIGNING_IN, "", 0)

    @staticmethod
    def _dumped(serializer: URLSafeSerializer, told: dict[str, Any]) -> str:
        dumped = serializer.dumps(told)
        return dumped if isinstance(dumped, str) else dumped.decode()

    @staticmethod
    def _set(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            _named(request, name),
            value,
            max_age=seconds,
            path="/",
            secure=_is_secure(request),
            httponly=True,
            samesite="lax",
        )


def _is_secure(request: Request) -> bool:
    """Whether cookies are for HTTPS only: everywhere but on this machine.

    BILLIE_CONSOLE_URL says so, where it is set: a proxy may tell another host than the browser's.
    """
    settings: Settings = request.app.state.settings
    if settings.console_url:
        return split(settings.console_url).scheme == "https"
    return not is_local(request.url.hostname or "")


def _named(request: Request, name: str) -> str:
    """With the prefix by which browsers hold that no other host, and no plain HTTP, set it."""
    return f"__Host-{name}" if _is_secure(request) else name


def _loaded(serializer: URLSafeSerializer, cookie: str) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = serializer.loads(cookie)
    except BadData:
        return None
    return told

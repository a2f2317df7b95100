"""Sessions: signed cookies that scripts cannot read, and the guards of requests. They hold no API token.

A request needs a session; a change also our own origin, and the form token of the session, which no other
site can know.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Annotated, Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from fastapi import Depends, Request, Response
from itsdangerous import BadData, Signer, URLSafeTimedSerializer

from app.api.auth.callers import Caller
from app.api.auth.roles import Role
from app.api.auth.tokens import TokenVerifier
from app.api.http.problems import ProblemError
from app.api.services import Services, services_of
from app.console.session.issuer import Issuer
from app.ingestion.messages.parsers import Parsers
from app.runtime.observability.tracing import Tracing
from app.runtime.settings.loopback import is_local
from app.runtime.settings.settings import Settings

_MAX_FIELDS = 200
"""Of a form."""


class SignInNeededError(Exception):
    """The request has no valid session."""


@dataclass(frozen=True)
class Session:
    """A signed-in person, until ``ends_at``. Each form of the session carries its token."""

    caller: Caller
    ends_at: datetime
    form_token: str


class SignedCookie:
    """A cookie that only we can write, valid for ``lasts``. ``name`` is also its salt."""

    def __init__(self, name: str, secret: str, lasts: timedelta, console_url: str | None) -> None:
        self._name, self._lasts = name, lasts
        self._serializer = URLSafeTimedSerializer(secret, salt=name)
        self._scheme = urlsplit(console_url or "").scheme

    def read(self, request: Request) -> tuple[dict[str, Any], datetime] | None:
        """The content and its end, if the cookie is valid."""
        try:
            cookie = request.cookies.get(self._prefixed(request), "")
            content, signed_at = self._serializer.loads(cookie, return_timestamp=True)
        except BadData:
            return None
        ends_at = signed_at + self._lasts
        return None if ends_at <= datetime.now(UTC) else (content, ends_at)

    def write(self, request: Request, response: Response, content: dict[str, Any] | None) -> None:
        """Set it; without content, remove it."""
        value = self._serializer.dumps(content) if content else ""
        response.set_cookie(
            self._prefixed(request),
            value if isinstance(value, str) else value.decode(),
            max_age=int(self._lasts.total_seconds()) if content else 0,
            secure=self._is_secure(request),
            httponly=True,
            samesite="lax",
        )

    def _prefixed(self, request: Request) -> str:
        """With the prefix for which browsers refuse other hosts and plain HTTP."""
        return f"__Host-{self._name}" if self._is_secure(request) else self._name

    def _is_secure(self, request: Request) -> bool:
        """Whether it is for HTTPS only: by BILLIE_CONSOLE_URL, else everywhere but on this machine."""
        return self._scheme == "https" if self._scheme else not is_local(request.url.hostname or "")


class ConsoleServices(Services):
    """The API's services, and the console's. ``issuer`` is there for BILLIE_CONSOLE=oidc.

    ``sign_ins`` keeps the state of a sign-in at the issuer.
    """

    def __init__(self, settings: Settings, tracing: Tracing, tokens: TokenVerifier, parsers: Parsers) -> None:
        super().__init__(settings, tracing, tokens, parsers)
        configured = settings.session_secret
        secret = configured.get_secret_value() if configured else secrets.token_urlsafe(48)
        lasts, url = timedelta(hours=settings.session_hours), settings.console_url
        self.sessions = SignedCookie("billie-session", secret, lasts, url)
        self.sign_ins = SignedCookie("billie-sign-in", secret, timedelta(minutes=10), url)
        self.issuer = Issuer(settings) if settings.console == "oidc" else None
        self._forms = Signer(secret, salt="billie-console-form")

    def session(self, request: Request) -> Session | None:
        """The valid session of a request, if any."""
        if (found := self.sessions.read(request)) is None:
            return None
        person, ends_at = found
        caller = Caller(person["user"], Role(person["role"]), person["name"])
        form_token = self._forms.get_signature(person["id"]).decode()
        return Session(caller, ends_at, form_token)


def console_of(request: Request) -> ConsoleServices:
    """The services that serve a request."""
    services = services_of(request)
    assert isinstance(services, ConsoleServices), "only the console's application serves its pages"
    return services


async def session_of(request: Request) -> Session:
    """The session of a request. Raises SignInNeededError."""
    if (session := console_of(request).session(request)) is None:
        raise SignInNeededError
    return session


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form; of several with one name, the last. Empty for a request without a body."""
    if request.method != "POST":
        return {}
    try:
        body = (await request.body()).decode()
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError as error:
        raise ProblemError(422, "invalid_request", "The form cannot be read.") from error


SessionOf = Annotated[Session, Depends(session_of)]
FormOf = Annotated[dict[str, str], Depends(form_of)]


def check_form(request: Request, session: Session, form: dict[str, str]) -> None:
    """Raises ProblemError unless a form comes from a page of this session."""
    check_origin(request)
    token = request.headers.get("x-form-token") or form.get("form_token", "")
    if not compare_digest(session.form_token.encode(), token.encode("utf-8", "replace")):
        detail = "The form belongs to another session. Reload the page. Nothing was changed."
        raise ProblemError(403, "other_session", detail)


def check_origin(request: Request) -> None:
    """Raises ProblemError for a request from a page of another origin. Scripts cannot forge these headers."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    console_url = console_of(request).settings.console_url
    ours = split(console_url or "").netloc or request.headers.get("host", "")
    is_other = site not in (None, "same-origin") or (origin is not None and split(origin).netloc != ours)
    if is_other or (site is None and origin is None):
        detail = "Only the console's own pages may send this. Nothing was changed."
        raise ProblemError(403, "other_origin", detail)


def split(address: str) -> SplitResult:
    """The parts of an address from a browser; all empty if it is malformed."""
    try:
        return urlsplit(address)
    except ValueError:  # Such as "http://[".
        return urlsplit("")

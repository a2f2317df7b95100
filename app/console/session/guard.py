"""Guards each request: it needs a session, and a change our own origin and the session's form token."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import SplitResult, parse_qsl, urlsplit

from fastapi import Depends, Request

from app.api.http.problems import ProblemError
from app.api.services import Services, services_of
from app.console.session.issuer import Issuer
from app.console.session.sessions import Session, Sessions
from app.runtime.settings.settings import Settings

_MAX_FIELDS = 200


@dataclass(frozen=True)
class Console:
    """What the console works with. ``issuer`` is there for BILLIE_CONSOLE=oidc."""

    settings: Settings
    sessions: Sessions
    issuer: Issuer | None


@dataclass(frozen=True)
class ConsoleServices(Services):
    """The API's services, and the console's."""

    console: Console


def console_of(request: Request) -> Console:
    """The console that serves a request."""
    services = services_of(request)
    assert isinstance(services, ConsoleServices), "only the console's application serves its pages"
    return services.console


class SignInNeededError(Exception):
    """Nobody is signed in, or the session has ended."""


async def session_of(request: Request) -> Session:
    """The session of a request. Raises SignInNeededError."""
    if (session := console_of(request).sessions.of(request)) is None:
        raise SignInNeededError
    return session


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form; of several with one name, the last. Empty for a request without a body."""
    if request.method != "POST":
        return {}
    try:
        return dict(
            parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
        )
    except ValueError as error:
        raise ProblemError(422, "invalid_request", "The form cannot be read.") from error


SessionOf = Annotated[Session, Depends(session_of)]
FormOf = Annotated[dict[str, str], Depends(form_of)]


def check_form(request: Request, session: Session, form: dict[str, str]) -> None:
    """Raises ProblemError unless a form comes from a page of this session."""
    check_origin(request)
    token = request.headers.get("x-form-token") or form.get("form_token", "")
    if not console_of(request).sessions.is_form_token(session, token):
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

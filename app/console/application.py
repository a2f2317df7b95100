"""The whole HTTP application: the REST API and, if it is on and safely set up, the console under ``/``."""

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from app.api.application import create_app as create_api
from app.api.http.problems import problem_of
from app.console.pages import live
from app.console.pages.approvals import page as approvals
from app.console.pages.conversations import page as conversations
from app.console.pages.customers import page as customers
from app.console.pages.dead_letters import page as dead_letters
from app.console.pages.decisions import page as decisions
from app.console.pages.histories import page as histories
from app.console.pages.loans import page as loans
from app.console.pages.money import page as money
from app.console.pages.notes import page as notes
from app.console.pages.pipeline import jobs
from app.console.pages.pipeline import page as pipeline
from app.console.pages.sign_in import page as sign_in
from app.console.pages.start import page as start
from app.console.session.sessions import ConsoleServices, SignInNeededError
from app.console.ui import assets
from app.console.ui.page import HEADERS, NO_SUCH_PAGE, problem_page, to_sign_in
from app.errors import ConfigurationError
from app.runtime.observability.tracing import NO_TRACING, Tracing
from app.runtime.settings.settings import Settings

_MIN_SECRET_BYTES = 32


class ConsoleNotConfiguredError(ConfigurationError):
    """The console cannot sign people in safely: the API must not start with it."""


def check(settings: Settings) -> None:
    """Raises ConsoleNotConfiguredError."""
    secret = settings.session_secret.get_secret_value() if settings.session_secret else None
    if secret is not None and len(secret.encode()) < _MIN_SECRET_BYTES:
        msg = f"BILLIE_SESSION_SECRET is too short: it needs at least {_MIN_SECRET_BYTES} bytes"
        raise ConsoleNotConfiguredError(msg)
    if settings.console != "oidc":
        return
    needed = {
        "BILLIE_JWKS_URL": settings.jwks_url,
        "BILLIE_JWT_ISSUER": settings.jwt_issuer,
        "BILLIE_OIDC_CLIENT_ID": settings.oidc_client_id,
        "BILLIE_CONSOLE_URL": settings.console_url,
        "BILLIE_SESSION_SECRET": secret,
    }
    if missing := [name for name, value in needed.items() if not value]:
        raise ConsoleNotConfiguredError(f"BILLIE_CONSOLE=oidc also needs {', '.join(missing)}")


_PAGES = (
    *(assets, sign_in, live, start, customers, conversations),
    # Before money, whose addresses may end with any name.
    *(loans, histories, money, notes, approvals),
    # After the approvals, whose addresses it would take.
    *(decisions, pipeline, jobs, dead_letters),
)
_MAX_FORM_BYTES = 256 * 1024
"""A character of a note may take several bytes."""


def create_app(settings: Settings, tracing: Tracing = NO_TRACING) -> FastAPI:
    """The application. Raises ConsoleNotConfiguredError, and what the API raises."""
    if settings.console == "off":
        return create_api(settings, tracing)
    check(settings)
    app = create_api(settings, tracing, ConsoleServices)
    for page in _PAGES:
        app.include_router(page.router, max_body_size=_MAX_FORM_BYTES)
    app.add_exception_handler(SignInNeededError, to_sign_in)
    _answer_browsers_with_pages(app)
    return app


def _answer_browsers_with_pages(app: FastAPI) -> None:
    """For an unknown address a browser gets a page; a program still gets a problem."""
    answer_program = app.exception_handlers[HTTPException]

    @app.exception_handler(HTTPException)
    async def _not_found(request: Request, error: HTTPException) -> Response:
        is_browser = "text/html" in request.headers.get("accept", "")
        if error.status_code != 404 or not is_browser or request.url.path.startswith("/v1/"):
            answer: Response = await answer_program(request, error)  # type: ignore[misc]
            return answer
        page = problem_page(request, problem_of(NO_SUCH_PAGE, request.state.id))
        page.headers.update(HEADERS)
        return page

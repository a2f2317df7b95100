"""The whole HTTP application: the REST API, and where it is switched on, the console under ``/``."""

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from app.api.application import create_app as create_api
from app.api.http.problems import ProblemError, problem_of
from app.console.pages import (
    approvals,
    conversations,
    customers,
    dead_letters,
    decisions,
    drawers,
    histories,
    jobs,
    notes,
    pipeline,
    start,
    transactions,
)
from app.console.session import signing_in
from app.console.session.configured import check
from app.console.session.guard import HEADERS, problem_page
from app.console.session.oidc import Provider
from app.console.session.sessions import Sessions
from app.console.ui import assets, live
from app.runtime.observability.tracing import NO_TRACING, Tracing
from app.runtime.settings.settings import Settings

_ROUTERS = tuple(
    module.router
    for module in (
        assets,
        signing_in,
        live,
        start,
        customers,
        conversations,
        # Before the drawers, whose addresses have any name at the end.
        transactions,
        histories,
        drawers,
        notes,
        approvals,
        # After them, whose addresses it would take.
        decisions,
        pipeline,
        jobs,
        dead_letters,
    )
)
_MOST_BYTES = 256 * 1024
"""Of a form: a note's letters may each be several bytes."""
_NO_SUCH_PAGE = "There is no page at this address. Go to the start, and search."


def create_app(settings: Settings, tracing: Tracing = NO_TRACING) -> FastAPI:
    """The application. Raises ConsoleNotConfiguredError, and what the API's own raises."""
    app = create_api(settings, tracing)
    if settings.console != "off":
        install(app, settings)
    return app


def install(app: FastAPI, settings: Settings) -> None:
    """Add the console to an API. Raises ConsoleNotConfiguredError."""
    check(settings)
    app.state.sessions = Sessions(settings)
    app.state.provider = Provider(settings) if settings.console == "oidc" else None
    for each in _ROUTERS:
        app.include_router(each, max_body_size=_MOST_BYTES)
    _answer_browsers_with_pages(app)


def _answer_browsers_with_pages(app: FastAPI) -> None:
    """Where there is nothing, a browser gets a page, and a program its problem as ever."""
    answered = app.exception_handlers[HTTPException]

    @app.exception_handler(HTTPException)
    async def _nothing_there(request: Request, error: HTTPException) -> Response:
        is_browser = "text/html" in request.headers.get("accept", "")
        if error.status_code != 404 or not is_browser or request.url.path.startswith("/v1/"):
            answer: Response = await answered(request, error)  # type: ignore[misc]
            return answer
        fault = ProblemError(404, "no_such_page", _NO_SUCH_PAGE)
        page = problem_page(request, problem_of(fault, request.state.id))
        page.headers.update(HEADERS)
        return page

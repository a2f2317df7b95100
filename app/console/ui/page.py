"""Pages: what a page works with, how it is rendered, and how its errors are shown."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import ChainableUndefined, Environment, FileSystemLoader

from app.api.http.problems import ProblemError, problem_of
from app.api.http.router import Route
from app.api.ledger.routes import TransactionType
from app.console.session.rest import Answer, Json, RefusedError, Rest, required_roles
from app.console.session.sessions import FormOf, Session, SessionOf, check_form, console_of
from app.console.ui.assets import addresses
from app.console.ui.formats import FILTERS, zone_of
from app.errors import BillieError
from app.runtime.settings.settings import Settings

ZONE_COOKIE = "billie-zone"
"""The viewer's time zone, set by the browser's script."""

FOLDERS = tuple(Path(__file__).parent.parent / each for each in ("pages", "ui/templates"))
"""The templates' folders."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
"""Only our own script and style files: nothing that is smuggled into a note runs."""

NO_SUCH_PAGE = ProblemError(404, "no_such_page", "No page at this address. Go to the start page and search.")

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class PageContext:
    """Made for each request of a signed-in person: who they are, REST as them, and the form they sent."""

    request: Request
    session: Session
    rest: Rest
    form: dict[str, str]

    @property
    def settings(self) -> Settings:
        return console_of(self.request).settings

    @property
    def is_partial(self) -> bool:
        """Whether htmx asks for a part of a page."""
        return _is_partial(self.request)

    def render(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page, or a part of one, from a template."""
        return render(self.request, template, self.session, status=status, **values)

    def render_outcome(self, template: str, answer: Answer, **values: Any) -> HTMLResponse:
        """The ``outcome`` of a request of the drawer, or its ``problem``."""
        status, outcome = (answer.status, None) if answer.is_problem else (200, answer.body)
        return self.render(template, status=status, outcome=outcome, problem=answer.problem, **values)


async def page_context(request: Request, session: SessionOf, form: FormOf) -> PageContext:
    """The page context; a change must come from a form of this session."""
    request.state.caller = session.caller
    if request.method != "GET":
        check_form(request, session, form)
    fields = {name: value for name, value in form.items() if name != "form_token"}
    return PageContext(request, session, Rest(request, session.caller), fields)


Context = Annotated[PageContext, Depends(page_context)]


@cache
def templates() -> Environment:
    """The environment of all pages. Documents omit what they do not know, so a missing name is empty."""
    environment = Environment(
        loader=FileSystemLoader(FOLDERS),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {"assets": addresses(), "transaction_types": get_args(TransactionType)}
    environment.filters |= FILTERS
    return environment


def render(
    request: Request, template: str, session: Session | None, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page, or a part of one; without a session, for the sign-in."""
    console = console_of(request)
    text = (
        templates()
        .get_template(template)
        .render(
            person=session,
            form_token=session.form_token if session else "",
            zone=zone_of(request.cookies.get(ZONE_COOKIE), console.settings.business_time_zone),
            here=request.url.path,
            settings=console.settings,
            required_roles=required_roles(request.app, session.caller.role) if session else {},
            **values,
        )
    )
    return HTMLResponse(text, status)


class _PageRoute(Route):
    """A route whose answers, errors included, are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_page(request: Request) -> Response:
            try:
                answer = await handle(request)
            except RefusedError as error:
                answer = problem_page(request, error.problem)
            except BillieError as error:
                answer = problem_page(request, problem_of(error, request.state.id))
            except RequestValidationError:
                answer = problem_page(request, problem_of(NO_SUCH_PAGE, request.state.id))
            for name, value in HEADERS.items():
                answer.headers.setdefault(name, value)
            return answer

        return handle_page


def page_router() -> APIRouter:
    """A router of pages."""
    return APIRouter(route_class=_PageRoute, include_in_schema=False)


def problem_page(request: Request, problem: Json) -> Response:
    """A problem as a page, or as the part that htmx requested.

    A part for anything but the drawer goes to the notices, so that what the person reads stays in place.
    """
    in_drawer = request.headers.get("hx-target") == "drawer-body"
    answer = render(
        request,
        "problem_part.html" if _is_partial(request) else "problem.html",
        console_of(request).session(request),
        status=problem["status"],
        problem=problem,
        in_drawer=in_drawer,
    )
    if _is_partial(request) and not in_drawer:
        answer.headers.update({"HX-Retarget": "#notices", "HX-Reswap": "innerHTML"})
    return answer


def _is_partial(request: Request) -> bool:
    return "hx-request" in request.headers


async def to_sign_in(request: Request, _: Exception) -> Response:
    """The answer to a request without a session."""
    if _is_partial(request):
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    if "text/event-stream" in request.headers.get("accept", ""):
        return Response(status_code=401)
    if request.method != "GET":
        return RedirectResponse("/sign-in", 303)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/sign-in?next={quote(here, safe='/')}" if here != "/" else "/sign-in", 303)

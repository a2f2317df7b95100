"""Routes that answer with pages: errors that people can read, and security headers."""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from app.api.http.problems import ProblemError, problem_of
from app.console.session.guard import SignInNeededError, console_of
from app.console.session.rest import Json, RefusedError
from app.console.ui.page_context import is_partial, render
from app.errors import BillieError

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

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class PageRoute(APIRoute):
    """A route whose answers, errors included, are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_page(request: Request) -> Response:
            try:
                answer = await handle(request)
            except SignInNeededError:
                answer = _to_sign_in(request)
            except RefusedError as error:
                answer = problem_page(request, error.problem)
            except BillieError as error:
                answer = problem_page(request, problem_of(error, request.state.id))
            except RequestValidationError:
                fault = ProblemError(422, "invalid_request", "This address is malformed.")
                answer = problem_page(request, problem_of(fault, request.state.id))
            for name, value in HEADERS.items():
                answer.headers.setdefault(name, value)
            return answer

        return handle_page


def problem_page(request: Request, problem: Json) -> Response:
    """A problem as a page, or as the part that htmx asked for.

    A part for anything but the drawer goes to the notices, so that what the person reads stays in place.
    """
    in_drawer = request.headers.get("hx-target") == "drawer-body"
    answer = render(
        request,
        "problem_part.html" if is_partial(request) else "problem.html",
        console_of(request).sessions.of(request),
        status=problem["status"],
        problem=problem,
        in_drawer=in_drawer,
    )
    if is_partial(request) and not in_drawer:
        answer.headers.update({"HX-Retarget": "#notices", "HX-Reswap": "innerHTML"})
    return answer


def _to_sign_in(request: Request) -> Response:
    if is_partial(request):
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    if "text/event-stream" in request.headers.get("accept", ""):
        return Response(status_code=401)
    if request.method != "GET":
        return RedirectResponse("/sign-in", 303)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/sign-in?next={quote(here, safe='/')}" if here != "/" else "/sign-in", 303)

"""Around each page: errors that people can read, and the headers that bind browsers."""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from app.api.http.problems import ProblemError, problem_of
from app.console.session.rest import RefusedError
from app.console.ui.rendering import rendered

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
"""No script and no style but our files: what somebody smuggles into a note runs nowhere."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class SignInNeededError(Exception):
    """Nobody is signed in, or not any more."""


class PageRoute(APIRoute):
    """A route whose answers are pages, whatever goes wrong."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_page(request: Request) -> Response:
            try:
                answer = await handle(request)
            except SignInNeededError:
                answer = _to_sign_in(request)
            except RefusedError as error:
                answer = problem_page(request, error.problem)
            except ProblemError as error:
                answer = problem_page(request, problem_of(error, request.state.id))
            except RequestValidationError:
                fault = ProblemError(422, "invalid_request", "This address is not as it should be.")
                answer = problem_page(request, problem_of(fault, request.state.id))
            for name, value in HEADERS.items():
                answer.headers.setdefault(name, value)
            return answer

        return handle_page


def is_partial(request: Request) -> bool:
    """Whether htmx asks, for a part of a page."""
    return "hx-request" in request.headers


def problem_page(request: Request, problem: dict[str, Any]) -> Response:
    """A problem as staff can read it: a page, or a part that takes the place of what was asked for.

    A part that is asked for by something outside of the drawer is shown among the notices, so that what
    somebody reads stays where it is.
    """
    sessions = request.app.state.sessions
    template = "problem_part.html" if is_partial(request) else "problem.html"
    in_drawer = request.headers.get("hx-target") == "drawer-body"
    answer = rendered(
        request,
        template,
        sessions.of(request),
        status=problem["status"],
        problem=problem,
        in_drawer=in_drawer,
    )
    if is_partial(request) and not in_drawer:
        answer.headers["HX-Retarget"] = "#notices"
        answer.headers["HX-Reswap"] = "innerHTML"
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

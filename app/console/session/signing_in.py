"""Signing in and out. In development somebody chooses who to be; otherwise the issuer says who they are."""

from hmac import compare_digest
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from app.api.auth.callers import Caller, Role, caller_of
from app.api.auth.claims import claims_of
from app.api.http.problems import ProblemError
from app.console.session.guard import PageRoute
from app.console.session.oidc import Provider
from app.console.session.sessions import Sessions
from app.console.ui.addresses import split
from app.console.ui.forms import form_of, same_origin
from app.console.ui.rendering import rendered
from app.runtime.settings.settings import Settings

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Form = Annotated[dict[str, str], Depends(form_of)]


def local(address: str | None) -> str:
    """Where to go on: a page of ours, whatever the link to the sign-in says."""
    address = address or "/"
    parts = split(address)
    is_ours = not parts.scheme and not parts.netloc and address.startswith("/")
    return address if is_ours and not address.startswith(("//", "/\\", "/sign-")) else "/"


@router.get("/sign-in")
async def get_sign_in(request: Request) -> Response:
    """The page to sign in with."""
    following = local(request.query_params.get("next"))
    return rendered(request, "sign_in.html", None, following=following, roles=list(Role), told={})


@router.post("/sign-in")
async def sign_in(request: Request, form: Form) -> Response:
    """Be whom one says: in development only."""
    settings: Settings = request.app.state.settings
    if settings.console != "development":
        raise ProblemError(404, "no_such_route", "Here one signs in at the issuer.")
    same_origin(request)
    following, name = local(form.get("next")), form.get("name", "").strip()
    if not name or form.get("role") not in list(Role):
        told = {"following": following, "roles": list(Role), "told": form, "is_wrong": True}
        return rendered(request, "sign_in.html", None, status=422, **told)
    user = ".".join(name.lower().split())
    claims = claims_of(settings.jwt_role_claim, form["role"]) | {"sub": user, "name": name}
    return signed_in(request, caller_of(claims, settings), following)


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session in this browser."""
    same_origin(request)
    answer = RedirectResponse("/sign-in", 303)
    sessions: Sessions = request.app.state.sessions
    sessions.end(request, answer)
    return answer


def signed_in(request: Request, caller: Caller, following: str) -> Response:
    """Go on as this person. Raises ProblemError for a machine: the console is for people."""
    if caller.is_machine:
        raise ProblemError(403, "takes_a_person", "The console is for people: a machine asks the REST API.")
    answer = RedirectResponse(following, 303)
    sessions: Sessions = request.app.state.sessions
    sessions.begin(request, answer, caller)
    return answer


@router.get("/sign-in/issuer")
async def go_to_issuer(request: Request) -> Response:
    """Sign in at the issuer, which sends the browser back."""
    started = await _provider(request).start()
    answer = RedirectResponse(started.address, 303)
    told = started._asdict() | {"following": local(request.query_params.get("next"))}
    sessions: Sessions = request.app.state.sessions
    sessions.remember_sign_in(request, answer, told)
    return answer


@router.get("/sign-in/back")
async def come_back(request: Request) -> Response:
    """From the issuer, with a code: only for the browser that went there, and once."""
    sessions: Sessions = request.app.state.sessions
    kept, told = sessions.remembered_sign_in(request), request.query_params
    if kept is None or not compare_digest(kept["state"].encode(), told.get("state", "").encode()):
        detail = "This sign-in was not begun in this browser, or too long ago. Sign in again."
        raise ProblemError(401, "sign_in_refused", detail)
    if (code := told.get("code")) is None:
        raise ProblemError(401, "sign_in_refused", "The issuer did not sign you in. Sign in again.")
    claims = await _provider(request).claims(code, kept["verifier"], kept["nonce"])
    answer = signed_in(request, caller_of(claims, request.app.state.settings), local(kept["following"]))
    sessions.forget_sign_in(request, answer)
    return answer


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise ProblemError(404, "no_such_route", "Here one signs in by choosing a name.")
    return provider

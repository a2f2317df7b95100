"""Sign-in and sign-out. In development people choose who they are; otherwise the issuer says it."""

from hmac import compare_digest
from secrets import token_urlsafe

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from app.api.auth.callers import Caller, caller_of
from app.api.auth.claims import claims_with
from app.api.auth.roles import Role
from app.api.http.problems import ProblemError
from app.console.session.issuer import Issuer
from app.console.session.sessions import FormOf, check_origin, console_of, split
from app.console.ui.page import page_router, render

router = page_router()


@router.get("/sign-in")
async def get_sign_in(request: Request) -> Response:
    return _render(request, {"next": request.query_params.get("next", "")})


@router.post("/sign-in")
async def sign_in(request: Request, form: FormOf) -> Response:
    """Sign in under a chosen name and role; in development only."""
    settings = console_of(request).settings
    if settings.console != "development":
        raise ProblemError(404, "no_such_route", "Sign in at the issuer.")
    check_origin(request)
    name = form.get("name", "").strip()
    if not name or form.get("role") not in list(Role):
        return _render(request, form, is_invalid=True)
    user = ".".join(name.lower().split())
    claims = claims_with(settings.jwt_role_claim, form["role"]) | {"sub": user, "name": name}
    return _signed_in(request, caller_of(claims, settings), _local(form.get("next")))


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session in this browser."""
    check_origin(request)
    answer = RedirectResponse("/sign-in", 303)
    console_of(request).sessions.write(request, answer, None)
    return answer


@router.get("/sign-in/issuer")
async def go_to_issuer(request: Request) -> Response:
    """Send the browser to the issuer, which sends it back."""
    started = await _issuer(request).start()
    answer = RedirectResponse(started.address, 303)
    sign_in = started._asdict() | {"next": _local(request.query_params.get("next"))}
    console_of(request).sign_ins.write(request, answer, sign_in)
    return answer


@router.get("/sign-in/back")
async def come_back(request: Request) -> Response:
    """Back from the issuer with a code: only in the browser that started, and once."""
    sign_ins, answered = console_of(request).sign_ins, request.query_params
    sign_in, _ = sign_ins.read(request) or ({"state": ""}, None)
    if not sign_in["state"] or not compare_digest(
        sign_in["state"].encode(), answered.get("state", "").encode()
    ):
        detail = "This sign-in was started in another browser or has expired. Sign in again."
        raise ProblemError(401, "sign_in_refused", detail)
    if (code := answered.get("code")) is None:
        raise ProblemError(401, "sign_in_refused", "The issuer did not sign you in. Sign in again.")
    claims = await _issuer(request).claims(code, sign_in["verifier"], sign_in["nonce"])
    caller = caller_of(claims, console_of(request).settings)
    answer = _signed_in(request, caller, _local(sign_in["next"]))
    sign_ins.write(request, answer, None)
    return answer


def _render(request: Request, form: dict[str, str], *, is_invalid: bool = False) -> Response:
    return render(
        request,
        "sign_in/sign_in.html",
        None,
        status=422 if is_invalid else 200,
        next=_local(form.get("next")),
        form=form,
        is_invalid=is_invalid,
        method=console_of(request).settings.console,
    )


def _signed_in(request: Request, caller: Caller, following: str) -> Response:
    """Raises ProblemError for a machine: the console is for people."""
    if caller.is_machine:
        raise ProblemError(403, "takes_a_person", "The console is for people. Machines use the REST API.")
    answer = RedirectResponse(following, 303)
    person = {"user": caller.user, "role": caller.role, "name": caller.name, "id": token_urlsafe(16)}
    console_of(request).sessions.write(request, answer, person)
    return answer


def _local(address: str | None) -> str:
    """The address if it is a page of ours, else the start page."""
    address = address or "/"
    parts = split(address)
    is_ours = not parts.scheme and not parts.netloc and address.startswith("/")
    return address if is_ours and not address.startswith(("//", "/\\", "/sign-")) else "/"


def _issuer(request: Request) -> Issuer:
    if (issuer := console_of(request).issuer) is None:
        raise ProblemError(404, "no_such_route", "Sign in by choosing a name.")
    return issuer

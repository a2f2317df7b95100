"""Dead letters: listed by reason, read whole, replayed unchanged, or discarded with a reason."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter
from fastapi.responses import Response

from app.api.http.problems import not_found
from app.console.session.guard import PageRoute
from app.console.session.rest import Answer
from app.console.ui.addresses import split
from app.console.ui.page_context import AtDesk, Desk
from app.console.ui.pages_of import cursor_of
from app.ingestion.messages.rejection import Reason

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_BASE = "/v1/dead-letters"
_ONE = f"{_BASE}/{{}}"
_MOST = 50
_LONGEST = 1_000
"""Of the reason of a discard: the API's own bound."""

Told = dict[str, Any]


@router.get("/dead-letters")
async def get_dead_letters(
    desk: AtDesk,
    reason: str = "",
    kind: str = "",
    cursor: str = "",
) -> Response:
    """The list, oldest first, with how many there are of each reason."""
    filters = {"reason": reason, "type": kind.strip()}
    page = await desk.rest.get(_BASE, **filters, limit=_MOST, cursor=cursor)
    counts = page["byReason"]
    if reason:
        # The API counts under the same filters: so the other reasons are counted without this one.
        counts = (await desk.rest.get(_BASE, type=filters["type"], limit=1))["byReason"]
    following = {"reason": reason, "kind": kind, "cursor": cursor_of(page)}
    return desk.page(
        "letters_list.html" if desk.is_partial else "letters.html",
        letters=page["items"],
        counts=counts,
        is_whole=page["countIsComplete"],
        reason=reason,
        kind=kind,
        filters=_filters(reason, kind),
        more=f"/dead-letters?{urlencode(following)}" if following["cursor"] else None,
        of=lambda each: f"/dead-letters?{urlencode({'reason': each, 'kind': kind})}",
    )


@router.get("/dead-letters/replay")
async def get_replay_of_many(desk: AtDesk, reason: str) -> Response:
    """What to confirm before all of a reason are replayed."""
    page = await desk.rest.get(_BASE, reason=_reason(reason), limit=1)
    number = page["byReason"].get(reason, 0)
    return desk.page("letters_replay.html", reason=reason, number=number, is_whole=page["countIsComplete"])


@router.post("/dead-letters/replay")
async def replay_many(desk: AtDesk) -> Response:
    """Replay those of a reason, a thousand in a call, and say what became of them."""
    reason = _reason(desk.form.get("reason", ""))
    body: Told = {"reason": reason}
    body |= {name: desk.form[name] for name in ("after", "upTo") if desk.form.get(name)}
    answer = await desk.rest.post(f"{_BASE}/replay", body=body)
    return _said(desk, answer, "letters_replayed.html", reason=reason)


@router.get("/dead-letters/{letter_id}")
async def get_dead_letter(desk: AtDesk, letter_id: str, reason: str = "", kind: str = "") -> Response:
    """One, with its entry as it came: of bytes, what the API makes of them. The filters are its list's."""
    letter = await desk.rest.get(_ONE, letter_id)
    return desk.page("letter.html", letter=letter, filters=_filters(reason, kind))


@router.get("/dead-letters/{letter_id}/{does}")
async def get_form(desk: AtDesk, letter_id: str, does: str) -> Response:
    """What to confirm before it is replayed or discarded."""
    if does not in ("replay", "discard"):
        raise not_found("page", f"/dead-letters/{letter_id}/…")
    return _form(desk, does, await desk.rest.get(_ONE, letter_id))


@router.post("/dead-letters/{letter_id}/replay")
async def replay(desk: AtDesk, letter_id: str) -> Response:
    """Land the entry again, unchanged, and say what became of it."""
    answer = await desk.rest.post(f"{_ONE}/replay", letter_id, body={})
    return _said(desk, answer, "letter_done.html", does="replay", letter_id=letter_id)


@router.post("/dead-letters/{letter_id}/discard")
async def discard(desk: AtDesk, letter_id: str) -> Response:
    """Take it off the list, for a reason."""
    because = desk.form.get("because", "").strip()
    if not 0 < len(because) <= _LONGEST:
        return _form(desk, "discard", await desk.rest.get(_ONE, letter_id), because, is_wrong=True)
    answer = await desk.rest.post(f"{_ONE}/discard", letter_id, body={"because": because})
    return _said(desk, answer, "letter_done.html", does="discard", letter_id=letter_id)


def _form(desk: Desk, does: str, letter: Told, because: str = "", *, is_wrong: bool = False) -> Response:
    told: Told = {"letter": letter, "because": because, "is_wrong": is_wrong, "longest": _LONGEST}
    return desk.page("letter_form.html", status=422 if is_wrong else 200, does=does, **told)


def _said(desk: Desk, answer: Answer, template: str, **told: Any) -> Response:
    """The outcome. One that is gone was replayed or discarded before."""
    is_gone = answer.status == 404 and answer.body.get("code") == "not_found"
    page = desk.page(
        template,
        status=answer.status if answer.is_problem else 200,
        done=None if answer.is_problem else answer.body,
        problem=answer.body if answer.is_problem else None,
        is_gone=is_gone,
        filters=_filters_of_page(desk),
        **told,
    )
    page.headers["HX-Trigger"] = "lettered"
    return page


def _filters(reason: str, kind: str) -> str:
    """What of the list somebody looks at, as an address ends with it."""
    told = {name: value for name, value in (("reason", reason), ("kind", kind)) if value}
    return f"?{urlencode(told)}" if told else ""


def _filters_of_page(desk: Desk) -> str:
    """Those of the list that led to the page whose drawer this is: the page's address keeps them."""
    told = dict(parse_qsl(split(desk.request.headers.get("hx-current-url", "")).query))
    return _filters(told.get("reason", ""), told.get("kind", ""))


def _reason(told: str) -> str:
    """Raises ProblemError for what is none."""
    if told not in list(Reason):
        raise not_found("reason", told)
    return told

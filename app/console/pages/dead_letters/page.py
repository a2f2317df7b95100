"""Dead letters: listed by reason, shown as they came, replayed unchanged, or discarded with a reason."""

from typing import Literal
from urllib.parse import parse_qsl, urlencode

from fastapi.responses import Response

from app.console.session.rest import Answer, Json, cursor_of
from app.console.session.sessions import split
from app.console.ui.page import Context, PageContext, page_router
from app.ingestion.messages.rejection import Reason

router = page_router()

_BASE = "/v1/dead-letters"
_ONE = f"{_BASE}/{{}}"
_MAX_LETTERS = 50
_MAX_REASON = 1_000
"""The API's own bound."""


@router.get("/dead-letters")
async def get_dead_letters(context: Context, reason: str = "", kind: str = "", cursor: str = "") -> Response:
    """The list, oldest first, with the count of each reason."""
    message_type = kind.strip()
    page = await context.rest.get(_BASE, reason=reason, type=message_type, limit=_MAX_LETTERS, cursor=cursor)
    counts = page["byReason"]
    if reason:
        # The API counts under the same filters: count the other reasons without this one.
        counts = (await context.rest.get(_BASE, type=message_type, limit=1))["byReason"]
    next_page = {"reason": reason, "kind": kind, "cursor": cursor_of(page)}
    return context.render(
        "dead_letters/list.html" if context.is_partial else "dead_letters/dead_letters.html",
        dead_letters=page["items"],
        counts=counts,
        is_complete=page["countIsComplete"],
        reason=reason,
        kind=kind,
        filters=_query(reason, kind),
        more=f"/dead-letters?{urlencode(next_page)}" if next_page["cursor"] else None,
        address_of=lambda each: f"/dead-letters?{urlencode({'reason': each, 'kind': kind})}",
    )


@router.get("/dead-letters/replay")
async def get_replay_all(context: Context, reason: Reason) -> Response:
    """What to confirm before all dead letters of a reason are replayed."""
    page = await context.rest.get(_BASE, reason=reason, limit=1)
    return context.render(
        "dead_letters/replay_all.html",
        reason=reason,
        count=page["byReason"].get(reason, 0),
        is_complete=page["countIsComplete"],
    )


@router.post("/dead-letters/replay")
async def replay_all(context: Context) -> Response:
    """Replay up to a thousand of a reason, and show the outcome."""
    reason = context.form.get("reason", "")
    body: Json = {"reason": reason}
    body |= {name: context.form[name] for name in ("after", "upTo") if context.form.get(name)}
    answer = await context.rest.post(f"{_BASE}/replay", body=body)
    return _outcome(context, answer, "replay_all_outcome", reason=reason)


@router.get("/dead-letters/{dead_letter_id}")
async def get_dead_letter(
    context: Context, dead_letter_id: str, reason: str = "", kind: str = ""
) -> Response:
    """One, with its entry as it came. The filters are those of the list it was opened from."""
    dead_letter = await context.rest.get(_ONE, dead_letter_id)
    return context.render(
        "dead_letters/dead_letter.html", dead_letter=dead_letter, filters=_query(reason, kind)
    )


@router.get("/dead-letters/{dead_letter_id}/{verb}")
async def get_form(context: Context, dead_letter_id: str, verb: Literal["replay", "discard"]) -> Response:
    """What to confirm before it is replayed or discarded."""
    return await _form(context, verb, dead_letter_id)


@router.post("/dead-letters/{dead_letter_id}/{verb}")
async def handle(context: Context, dead_letter_id: str, verb: Literal["replay", "discard"]) -> Response:
    """Ingest the entry again, unchanged, or take it off the list, for a reason; and show the outcome."""
    because = context.form.get("because", "").strip()
    if verb == "discard" and not 0 < len(because) <= _MAX_REASON:
        return await _form(context, verb, dead_letter_id, because, is_invalid=True)
    body: Json = {"because": because} if verb == "discard" else {}
    answer = await context.rest.post(f"{_ONE}/{verb}", dead_letter_id, body=body)
    return _outcome(context, answer, "outcome", verb=verb, dead_letter_id=dead_letter_id)


async def _form(
    context: PageContext, verb: str, dead_letter_id: str, because: str = "", *, is_invalid: bool = False
) -> Response:
    message = f"Enter a reason of at most {_MAX_REASON:,} characters."
    return context.render(
        "dead_letters/form.html",
        status=422 if is_invalid else 200,
        verb=verb,
        dead_letter=await context.rest.get(_ONE, dead_letter_id),
        form={"because": because},
        errors={"because": message} if is_invalid else {},
        max_reason=_MAX_REASON,
    )


def _outcome(context: PageContext, answer: Answer, template: str, **values: str) -> Response:
    """The outcome. A dead letter that is gone was handled before."""
    around = dict(parse_qsl(split(context.request.headers.get("hx-current-url", "")).query))
    page = context.render_outcome(
        f"dead_letters/{template}.html",
        answer,
        is_gone=answer.status == 404 and answer.problem.get("code") == "not_found",
        filters=_query(around.get("reason", ""), around.get("kind", "")),
        **values,
    )
    page.headers["HX-Trigger"] = "dead-letter-handled"
    return page


def _query(reason: str, kind: str) -> str:
    """The list's filters as the end of an address."""
    filters = {name: value for name, value in (("reason", reason), ("kind", kind)) if value}
    return f"?{urlencode(filters)}" if filters else ""

"""Event histories: what was recorded of a customer, a loan or a chat, and how it was known at a time."""

from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import Response

from app.console.session.guard import PageRoute
from app.console.ui import formats
from app.console.ui.page_context import AtDesk, Desk
from app.console.ui.pages_of import cursor_of
from app.console.ui.rendering import ZONE_COOKIE

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_MOST = 50
_LEAST = timedelta(milliseconds=1)
_LONG = ("utterances", "noticeboard")
"""What of a document is not shown whole: it has pages of its own."""

Told = dict[str, Any]


class Subject(NamedTuple):
    """What a history is of: its words, its address, which the API has below ``/v1``, and what names it."""

    words: str
    address: str
    names: tuple[str, ...]


_CUSTOMER = Subject("Customer", "/customers/{}", ("fullName",))
_LOAN = Subject("Loan", "/loan-accounts/{}", ("accountNumber", "customerName"))
_CHAT = Subject("Chat", "/conversations/{}", ("applicationNumber",))


@router.get("/customers/{customer_id}/history")
async def get_customer_history(
    desk: AtDesk, customer_id: str, on: str = "", at: str = "", as_of: str = "", cursor: str = ""
) -> Response:
    """A customer's."""
    return await _history(desk, _CUSTOMER, customer_id, cursor, (on, at, as_of))


@router.get("/loan-accounts/{account_id}/history")
async def get_account_history(
    desk: AtDesk, account_id: str, on: str = "", at: str = "", as_of: str = "", cursor: str = ""
) -> Response:
    """A loan account's."""
    return await _history(desk, _LOAN, account_id, cursor, (on, at, as_of))


@router.get("/conversations/{conversation_id}/history")
async def get_conversation_history(
    desk: AtDesk, conversation_id: str, on: str = "", at: str = "", as_of: str = "", cursor: str = ""
) -> Response:
    """A chat's."""
    return await _history(desk, _CHAT, conversation_id, cursor, (on, at, as_of))


async def _history(
    desk: Desk, subject: Subject, identifier: str, cursor: str, then: tuple[str, str, str]
) -> Response:
    zone = formats.zone_of(desk.request.cookies.get(ZONE_COOKIE), desk.settings.business_time_zone)
    moment, is_wrong = moment_of(*then, zone)
    events = await desk.rest.get(f"/v1{subject.address}/history", identifier, limit=_MOST, cursor=cursor)
    document, problem = await _document(desk, subject, identifier, moment)
    here = subject.address.format(formats.quoted(identifier))
    there = formats.seen_from(moment, zone) if moment else None
    return desk.page(
        "history.html",
        subject=subject,
        identifier=identifier,
        events=[each | {"is_later": _is_later(each, moment)} for each in events["items"]],
        cursor=cursor_of(events),
        is_first=not cursor,
        back=here,
        moment=moment,
        on=there.date().isoformat() if there else then[0],
        at=_clock(there) if there and (then[1] or then[2]) else "",
        is_wrong=is_wrong,
        document=document,
        named=", ".join(str(document[name]) for name in subject.names if document and document.get(name)),
        problem=problem,
    )


def moment_of(on: str, at: str, as_of: str, zone: ZoneInfo) -> tuple[datetime | None, bool]:
    """The time that is asked for, and whether what is said is none.

    A day stands for its end, in the viewer's zone: what was known when it was over. What is still to come
    is now.
    """
    try:
        if as_of:
            moment = datetime.fromisoformat(as_of)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        elif on:
            day = datetime.fromisoformat(on).date()
            if at:
                moment = datetime.combine(day, time.fromisoformat(at).replace(tzinfo=zone))
            else:
                moment = datetime.combine(day + timedelta(days=1), time(tzinfo=zone)) - _LEAST
        elif at:
            return None, True
        else:
            return None, False
        return min(moment.astimezone(UTC), datetime.now(UTC)), False
    except (ValueError, OverflowError):
        return None, True


def _clock(there: datetime) -> str:
    """A time of day for the form: to the second after it, so that what happened then is known by then."""
    if there.microsecond:
        there = there.replace(microsecond=0) + timedelta(seconds=1)
    return f"{there:%H:%M:%S}" if there.second else f"{there:%H:%M}"


async def _document(
    desk: Desk, subject: Subject, identifier: str, moment: datetime | None
) -> tuple[Told | None, Told | None]:
    """The document, and the problem where there is none."""
    then = {"asOf": moment.isoformat().replace("+00:00", "Z")} if moment else {}
    answer = await desk.rest.ask("GET", f"/v1{subject.address}", identifier, parameters=then)
    if answer.is_problem:
        return None, answer.body
    told: Told = answer.body
    return told | {name: f"{len(told[name])}, not shown here" for name in _LONG if name in told}, None


def _is_later(event: Told, moment: datetime | None) -> bool:
    return moment is not None and datetime.fromisoformat(event["recordedAt"]) > moment

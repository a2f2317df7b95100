"""Event histories of a customer, a loan or a chat, and the document as it was known at a time."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from fastapi.responses import Response

from app.console.session.rest import Json, cursor_of, quoted
from app.console.ui import formats
from app.console.ui.page import ZONE_COOKIE, Context, page_router

router = page_router()

_MAX_EVENTS = 50
_LONG_FIELDS = {"utterances", "noticeboard"}
"""Fields that have pages of their own."""


class Subject(NamedTuple):
    """A kind of history: its label, its address (the API's below ``/v1``), and the fields that name it."""

    label: str
    address: str
    name_fields: tuple[str, ...]


_SUBJECTS = (
    Subject("Customer", "/customers/{}", ("fullName",)),
    Subject("Loan", "/loan-accounts/{}", ("accountNumber", "customerName")),
    Subject("Chat", "/conversations/{}", ("applicationNumber",)),
)


def _page_of(subject: Subject) -> Callable[..., Awaitable[Response]]:
    async def get_history(
        context: Context, identifier: str, on: str = "", at: str = "", as_of: str = "", cursor: str = ""
    ) -> Response:
        zone = formats.zone_of(context.request.cookies.get(ZONE_COOKIE), context.settings.business_time_zone)
        moment, is_invalid = moment_of(on, at, as_of, zone)
        path = f"/v1{subject.address}"
        page = await context.rest.get(f"{path}/history", identifier, limit=_MAX_EVENTS, cursor=cursor)
        known_at = moment.isoformat().replace("+00:00", "Z") if moment else ""
        answer = await context.rest.try_get(path, identifier, asOf=known_at)
        document = answer.body_or({})
        for each in _LONG_FIELDS & document.keys():
            document[each] = f"{len(document[each])}, not shown here"
        there = formats.in_zone(moment, zone) if moment else None
        names = [str(document[each]) for each in subject.name_fields if document.get(each)]
        return context.render(
            "histories/history.html",
            subject=subject,
            identifier=identifier,
            name=", ".join(names),
            events=[each | {"is_later": _is_later(each, moment)} for each in page["items"]],
            next_cursor=cursor_of(page),
            is_first_page=not cursor,
            back=subject.address.format(quoted(identifier)),
            moment=moment,
            on=there.date().isoformat() if there else on,
            at=_time_field(there) if there and (at or as_of) else "",
            is_invalid=is_invalid,
            document=document,
            problem=answer.problem,
        )

    return get_history


for _subject in _SUBJECTS:
    router.add_api_route(f"{_subject.address.format('{identifier}')}/history", _page_of(_subject))


def moment_of(on: str, at: str, as_of: str, zone: ZoneInfo) -> tuple[datetime | None, bool]:
    """The requested time, if any, and whether the request is invalid.

    A day means its end in the viewer's zone. A time in the future means now.
    """
    try:
        if as_of:
            moment = datetime.fromisoformat(as_of)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        elif on and at:
            day = datetime.fromisoformat(on).date()
            moment = datetime.combine(day, time.fromisoformat(at).replace(tzinfo=zone))
        elif on:
            day_after = datetime.fromisoformat(on).date() + timedelta(days=1)
            moment = datetime.combine(day_after, time(tzinfo=zone)) - timedelta(milliseconds=1)
        else:
            return None, bool(at)
        return min(moment.astimezone(UTC), datetime.now(UTC)), False
    except (ValueError, OverflowError):
        return None, True


def _time_field(there: datetime) -> str:
    """A time of day for the form, rounded up to a second: what happened then is known by then."""
    if there.microsecond:
        there = there.replace(microsecond=0) + timedelta(seconds=1)
    return f"{there:%H:%M:%S}" if there.second else f"{there:%H:%M}"


def _is_later(event: Json, moment: datetime | None) -> bool:
    return moment is not None and datetime.fromisoformat(event["recordedAt"]) > moment

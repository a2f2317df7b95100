"""The templates: escaped all through, with filters for money, days and times."""

import re
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Any, get_args

from jinja2 import ChainableUndefined, Environment, PackageLoader, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from app.api.ledger.routes import TransactionType
from app.console.ui import formats
from app.console.ui.assets import address_of

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(rf"{_DAY.pattern}T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@cache
def templates() -> Environment:
    """The environment that all pages are made in.

    What a document does not tell is absent from it, so that a name that is not there is nothing.
    """
    made = Environment(
        loader=PackageLoader("app.console"),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"asset": address_of, "transaction_types": get_args(TransactionType)}
    made.filters |= {
        "money": formats.money,
        "signed": formats.signed,
        "day": _day,
        "moment": _moment,
        "clock": _clock,
        "words": formats.words,
        "within": formats.within,
        "commands": commands,
        "plain": _plain,
    }
    return made


@pass_context
def _day(context: Context, told: Any) -> str:
    """A day as ``<time>``, of a time the viewer's; a dash without one."""
    if (said := formats.day_there(told, _zone(context))) == formats.NOTHING:
        return said
    return Markup('<time datetime="{}">{}</time>').format(told, said)


@pass_context
def _moment(context: Context, told: Any) -> str:
    """A time as ``<time>``, in the viewer's zone."""
    return _time(told, formats.moment(told, _zone(context)))


@pass_context
def _clock(context: Context, told: Any) -> str:
    """The same without its day."""
    return _time(told, formats.clock(told, _zone(context)))


@pass_context
def _plain(context: Context, told: Any) -> Any:
    """A value of which only its look is known: what looks like a time or a day is shown as one."""
    if not isinstance(told, str) or formats.instant(told) is None:
        return told
    if _DAY.fullmatch(told):
        return _day(context, told)
    return _moment(context, told) if _MOMENT.fullmatch(told) else told


def commands(told: Any) -> Markup:
    """A sentence with its commands, which stand between backticks, as ``<code>``; all else is escaped."""
    parts = str(told).split("`")
    if len(parts) % 2 == 0:  # One without its other is no more than a letter.
        return Markup(escape(str(told)))
    marked = (
        Markup("<code>{}</code>").format(each) if at % 2 else escape(each) for at, each in enumerate(parts)
    )
    return Markup("").join(marked)


def _time(told: Any, said: str) -> str:
    if (at := formats.instant(told)) is None:
        return said
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), said)


def _zone(context: Context) -> tzinfo:
    zone = context.get("zone")
    return zone if isinstance(zone, tzinfo) else UTC


def now() -> datetime:
    """The time of a page."""
    return datetime.now(UTC)

"""The templates' environment: autoescape everywhere, and filters for money, days, times and labels."""

import re
from datetime import UTC, tzinfo
from functools import cache
from pathlib import Path
from typing import Any, get_args

from jinja2 import ChainableUndefined, Environment, FileSystemLoader, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from app.api.ledger.routes import TransactionType
from app.console.ui import formats
from app.console.ui.assets import addresses

FOLDERS = tuple(Path(__file__).parent.parent / each for each in ("pages", "ui/templates"))
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(rf"{_DAY.pattern}T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


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
    environment.filters |= {
        "money": formats.money,
        "signed": formats.signed,
        "day": _day,
        "moment": _moment,
        "clock": _clock,
        "label": formats.label,
        "inline_label": formats.inline_label,
        "number": number,
        "commands": commands,
        "plain": _plain,
    }
    return environment


def number(value: int) -> str:
    """``1,234``."""
    return f"{value:,}"


def commands(sentence: Any) -> Markup:
    """A sentence with the commands between its backticks as ``<code>``; the rest is escaped."""
    parts = str(sentence).split("`")
    if len(parts) % 2 == 0:  # An unpaired backtick is just a character.
        return Markup(escape(str(sentence)))
    marked = (
        Markup("<code>{}</code>").format(each) if at % 2 else escape(each) for at, each in enumerate(parts)
    )
    return Markup("").join(marked)


@pass_context
def _day(context: Context, value: Any) -> str:
    """A day, or the day of a time in the viewer's zone, as ``<time>``."""
    if (text := formats.day(value, _zone(context))) == formats.NOTHING:
        return text
    return Markup('<time datetime="{}">{}</time>').format(value, text)


@pass_context
def _moment(context: Context, value: Any) -> str:
    """A day and time in the viewer's zone as ``<time>``."""
    return _time(value, formats.moment(value, _zone(context)))


@pass_context
def _clock(context: Context, value: Any) -> str:
    """A time of day in the viewer's zone as ``<time>``."""
    return _time(value, formats.clock(value, _zone(context)))


@pass_context
def _plain(context: Context, value: Any) -> Any:
    """A value of unknown type: what looks like a day or a time is shown as one."""
    if not isinstance(value, str) or formats.instant(value) is None:
        return value
    if _DAY.fullmatch(value):
        return _day(context, value)
    return _moment(context, value) if _MOMENT.fullmatch(value) else value


def _time(value: Any, text: str) -> str:
    if (at := formats.instant(value)) is None:
        return text
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), text)


def _zone(context: Context) -> tzinfo:
    zone = context.get("zone")
    return zone if isinstance(zone, tzinfo) else UTC

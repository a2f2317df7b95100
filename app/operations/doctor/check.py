"""One check of ``billie doctor``: what was examined, the verdict, and the advice."""

from collections.abc import Callable, Iterable
from enum import StrEnum

from app.runtime.camel_model import CamelModel
from app.runtime.observability.logging import in_short

_LATE_S, _WRONG_S = 2.0, 30.0
"""Ages are computed across clocks, tokens allow for five seconds, and leases for none."""


class Verdict(StrEnum):
    """``away`` is a failure too: the server did not answer, so nothing else is known about it."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    AWAY = "away"


class Check(CamelModel):
    """``name`` is stable: ``SERVER.WHAT``. ``advice`` is null if the verdict is ok."""

    name: str
    verdict: Verdict
    detail: str
    advice: str | None = None


def well(name: str, detail: str) -> Check:
    return Check(name=name, verdict=Verdict.OK, detail=detail)


def warning(name: str, detail: str, advice: str) -> Check:
    """It works, but somebody should look at it."""
    return Check(name=name, verdict=Verdict.WARNING, detail=detail, advice=advice)


def failed(name: str, detail: str, advice: str) -> Check:
    """It does not work, or will not."""
    return Check(name=name, verdict=Verdict.FAILED, detail=detail, advice=advice)


def answering(
    server: str, setting: str, errors: tuple[type[Exception], ...], checks: Callable[[], Iterable[Check]]
) -> list[Check]:
    """All checks of a server, or only that it is away: one of ``errors`` came instead of an answer."""
    try:
        return list(checks())
    except errors as error:
        detail, advice = in_short(error), f"Is it up? Check {setting}."
        return [Check(name=f"{server}.connection", verdict=Verdict.AWAY, detail=detail, advice=advice)]


def clock(name: str, theirs: float, asked: float, answered: float) -> Check:
    """How far a server's clock is from ours, in seconds since 1970; asked and answered by our clock."""
    ahead = theirs - (asked + answered) / 2
    off = max(0.0, abs(ahead) - (answered - asked) / 2)  # The round trip may account for the rest.
    if off < _LATE_S:
        return well(name, f"within {_LATE_S:.0f} s of ours")
    detail = f"{off:.1f} s {'ahead of' if ahead > 0 else 'behind'} ours"
    advice = "Synchronize both machines by NTP: ages, expiry and dates depend on these clocks."
    return (failed if off >= _WRONG_S else warning)(name, detail, advice)

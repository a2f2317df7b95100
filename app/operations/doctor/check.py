"""One check of ``billie doctor``: what was looked at, what was found, and what to do about it."""

from enum import StrEnum

from app.runtime.camel_model import CamelModel


class Verdict(StrEnum):
    """``away`` is a failure too: the server did not answer, so that nothing else is known of it."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    AWAY = "away"


class Check(CamelModel):
    """``name`` is stable: ``SERVER.WHAT``. ``advice`` is null where all is well."""

    name: str
    verdict: Verdict
    detail: str
    advice: str | None = None


def well(name: str, detail: str) -> Check:
    """It is as it should be."""
    return Check(name=name, verdict=Verdict.OK, detail=detail)


def warning(name: str, detail: str, advice: str) -> Check:
    """It works, and somebody should look at it."""
    return Check(name=name, verdict=Verdict.WARNING, detail=detail, advice=advice)


def failed(name: str, detail: str, advice: str) -> Check:
    """Something does not work, or will not."""
    return Check(name=name, verdict=Verdict.FAILED, detail=detail, advice=advice)


def away(name: str, detail: str, advice: str) -> Check:
    """A server that does not answer."""
    return Check(name=name, verdict=Verdict.AWAY, detail=detail, advice=advice)


_LATE_S, _WRONG_S = 2.0, 30.0
"""Ages are told across clocks, tokens allow for five seconds, and leases for none."""


def clock(name: str, theirs: float, asked: float, answered: float) -> Check:
    """How far a server's clock is from ours: seconds since 1970, asked and answered by our own."""
    # What the way took may be on either side.
    ahead = theirs - (asked + answered) / 2
    off = max(0.0, abs(ahead) - (answered - asked) / 2)
    side = "ahead of" if ahead > 0 else "behind"
    if off < _LATE_S:
        return well(name, f"within {_LATE_S:.0f} s of ours")
    advice = "Have both machines follow the same NTP servers: ages, expiry and days go by these clocks."
    told = f"{off:.1f} s {side} ours"
    return failed(name, told, advice) if off >= _WRONG_S else warning(name, told, advice)

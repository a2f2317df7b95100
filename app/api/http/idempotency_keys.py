"""The caller's idempotency key: a header that every route which moves money, or asks for it, requires."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from app.api.http.problems import Problem, ProblemError
from app.ledger.money.write_offs import OWN_KEYS

_HEADER = "Idempotency-Key"
_SHORTEST, _LONGEST = 8, 128
_TAKES = f"{_HEADER} takes {_SHORTEST} to {_LONGEST} visible ASCII characters"

_KEY = Header(
    alias=_HEADER,
    description=f"{_SHORTEST} to {_LONGEST} visible ASCII characters of the caller's: one for an intent, the "
    f"same at each try of it. `{OWN_KEYS}…` is taken.",
    json_schema_extra={
        "minLength": _SHORTEST,
        "maxLength": _LONGEST,
        "pattern": f"^(?!{OWN_KEYS})[!-~]*$",
    },
)
Key = Annotated[str, _KEY]
OptionalKey = Annotated[str | None, _KEY]

KEYED: dict[int | str, dict[str, Any]] = {
    400: {
        "model": Problem,
        "description": f"No `{_HEADER}`, one that cannot be, an unknown parameter, or an argument that the "
        "ledger does not take",
    }
}
"""For the OpenAPI of a route with a key."""


class KeyedRoute(APIRoute):
    """A route with a :data:`Key`: without one it answers 400, whatever else is wrong with the request."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_keyed(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                if any(each["loc"] == ("header", _HEADER) for each in error.errors()):
                    raise _missing() from error
                raise

        return handle_keyed


def key_of(key: str) -> str:
    """The key as it is. Raises ProblemError for one that cannot be."""
    if not (_SHORTEST <= len(key) <= _LONGEST and key.isascii() and key.isprintable() and " " not in key):
        raise ProblemError(400, "invalid_idempotency_key", f"{_TAKES}.")
    if key.casefold().startswith(OWN_KEYS):
        detail = f"Keys that begin with {OWN_KEYS} are ours: an approved write-off has one."
        raise ProblemError(400, "invalid_idempotency_key", detail)
    return key


def _missing() -> ProblemError:
    detail = f"{_TAKES}: one for each intent, and the same at each try of it."
    return ProblemError(400, "idempotency_key_missing", detail)

"""The caller's ``Idempotency-Key``: a header that every route which moves money, or asks for it, requires."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from app.api.http.problems import Problem, ProblemError
from app.ledger.money.write_offs import OWN_KEYS

_HEADER = "Idempotency-Key"
_MIN_LENGTH, _MAX_LENGTH = 8, 128
_TAKES = f"{_HEADER} takes {_MIN_LENGTH} to {_MAX_LENGTH} visible ASCII characters"

_KEY = Header(
    alias=_HEADER,
    description=f"{_MIN_LENGTH} to {_MAX_LENGTH} visible ASCII characters of your choice: one key per "
    f"intent, the same for every retry. `{OWN_KEYS}…` is reserved.",
    json_schema_extra={
        "minLength": _MIN_LENGTH,
        "maxLength": _MAX_LENGTH,
        "pattern": f"^(?!{OWN_KEYS})[!-~]*$",
    },
)
Key = Annotated[str, _KEY]
OptionalKey = Annotated[str | None, _KEY]

KEYED: dict[int | str, dict[str, Any]] = {
    400: {
        "model": Problem,
        "description": f"Missing or invalid `{_HEADER}`, unknown parameter, or an argument that the ledger "
        "does not take",
    }
}
"""For the OpenAPI of a route with a key."""


class KeyedRoute(APIRoute):
    """A route with a :data:`Key`: without one it answers 400, before any other fault of the request."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.methods == {"GET"}:  # A read has no key.
            return handle

        async def handle_keyed(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                if any(each["loc"] == ("header", _HEADER) for each in error.errors()):
                    detail = f"{_TAKES}: one per intent, the same for every retry."
                    raise ProblemError(400, "idempotency_key_missing", detail) from error
                raise

        return handle_keyed


def checked_key(key: str) -> str:
    """The key. Raises ProblemError (400) for an invalid one."""
    if not (
        _MIN_LENGTH <= len(key) <= _MAX_LENGTH and key.isascii() and key.isprintable() and " " not in key
    ):
        raise ProblemError(400, "invalid_idempotency_key", f"{_TAKES}.")
    if key.casefold().startswith(OWN_KEYS):
        detail = f"Keys that begin with {OWN_KEYS} are reserved."
        raise ProblemError(400, "invalid_idempotency_key", detail)
    return key

"""A read that MongoDB ends because a rebuild replaces its collection is repeated; nothing else is."""

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from pymongo.errors import OperationFailure

from app.api.http.router import Route

SWAPPED, NO_CURSOR = 175, 43


def ask(method: str, *failures: int) -> tuple[int, int]:
    """The answer's status where the database first fails with these codes, and how often it was asked."""
    router, left, calls = APIRouter(route_class=Route), list(failures), []

    @router.api_route("/", methods=["GET", "POST"])
    async def read() -> None:
        calls.append(1)
        if left:
            raise OperationFailure("ended", left.pop(0))

    app = FastAPI()
    app.include_router(router)
    answer = TestClient(app, raise_server_exceptions=False).request(method, "/")
    return answer.status_code, len(calls)


@pytest.mark.parametrize(
    ("method", "failures", "status", "calls"),
    [
        ("GET", [SWAPPED], 200, 2),
        ("GET", [SWAPPED, NO_CURSOR, SWAPPED], 200, 4),
        ("GET", [SWAPPED] * 4, 500, 4),
        ("GET", [13], 500, 1),
        ("POST", [SWAPPED], 500, 1),
    ],
)
def test_a_read_is_repeated_only_at_a_swap(method: str, failures: list[int], status: int, calls: int) -> None:
    assert ask(method, *failures) == (status, calls)

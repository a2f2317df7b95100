"""The console's own files for browsers: read once, and kept by browsers for as long as they are the same."""

import mimetypes
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from app.api.http.problems import ProblemError

router = APIRouter()

_FOR_EVER = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    """A file, its kind, and the beginning of its hash."""

    content: bytes
    kind: str
    version: str


@cache
def assets() -> dict[str, Asset]:
    """All there are, by their names: those in a folder with the folder's before."""
    return {name: _read(path) for name, path in _walk(files("app.console").joinpath("static"), "")}


def address_of(name: str) -> str:
    """Where a page finds a file. Raises KeyError where there is none."""
    return f"/assets/{name}?v={assets()[name].version}"


@router.get("/assets/{name:path}", include_in_schema=False)
async def get_asset(request: Request, name: str) -> Response:
    """A file: nobody has to be signed in for it."""
    if (found := assets().get(name)) is None:
        raise ProblemError(404, "not_found", f"There is no asset {name!r}.")
    is_this = request.query_params.get("v") == found.version
    headers = {
        "Cache-Control": _FOR_EVER if is_this else "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return Response(found.content, media_type=found.kind, headers=headers)


def _walk(folder: Traversable, before: str) -> list[tuple[str, Traversable]]:
    found = []
    for each in folder.iterdir():
        if each.is_dir():
            found += _walk(each, f"{before}{each.name}/")
        else:
            found.append((f"{before}{each.name}", each))
    return found


def _read(path: Traversable) -> Asset:
    content = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "text/plain"
    return Asset(content, kind, sha256(content).hexdigest()[:16])

"""Static files. Addresses carry the content's hash, so that browsers may cache them permanently."""

import mimetypes
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from app.api.http.problems import ProblemError

router = APIRouter()

_FOLDER = Path(__file__).parent.parent / "static"


class Asset(NamedTuple):
    """A file, its media type, and the beginning of its hash."""

    content: bytes
    media_type: str
    version: str


@cache
def assets() -> dict[str, Asset]:
    """All files by their path in the folder."""
    files = (each for each in _FOLDER.rglob("*") if each.is_file())
    return {each.relative_to(_FOLDER).as_posix(): _read(each) for each in files}


def addresses() -> dict[str, str]:
    """The address of each file for a page."""
    return {name: f"/assets/{name}?v={asset.version}" for name, asset in assets().items()}


@router.get("/assets/{name:path}", include_in_schema=False)
async def get_asset(request: Request, name: str) -> Response:
    """A file; it needs no session."""
    if (asset := assets().get(name)) is None:
        raise ProblemError(404, "not_found", f"There is no asset {name!r}.")
    is_current = request.query_params.get("v") == asset.version
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if is_current else "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return Response(asset.content, media_type=asset.media_type, headers=headers)


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "text/plain"
    return Asset(content, media_type, sha256(content).hexdigest()[:16])

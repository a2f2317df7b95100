"""What browsers send: fields of forms, and signs of whose page it comes from."""

from urllib.parse import parse_qsl

from fastapi import Request

from app.api.http.problems import ProblemError
from app.console.ui.addresses import split
from app.runtime.settings.settings import Settings

_MOST_FIELDS = 200


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form that is sent as browsers send them; none of a request without a body."""
    if request.method != "POST":
        return {}
    try:
        told = parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise ProblemError(422, "invalid_request", "The form cannot be read.") from error
    return dict(told)


def same_origin(request: Request) -> None:
    """Raises ProblemError for what a page of another origin sends. Browsers tell, and scripts cannot lie."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    settings: Settings = request.app.state.settings
    ours = split(settings.console_url or "").netloc or request.headers.get("host", "")
    is_other = site not in (None, "same-origin") or (origin is not None and split(origin).netloc != ours)
    if is_other or (site is None and origin is None):
        detail = "Only the console's own pages may send this. Nothing was done."
        raise ProblemError(403, "other_origin", detail)

"""``/v1/me``: also the way to check that an issuer's claims are read as intended."""

from typing import Annotated, Literal

from app.api.auth.callers import Caller
from app.api.auth.requirements import Authenticated
from app.api.auth.roles import Role
from app.api.http.router import Router
from app.projections.read_models.base import Model

router = Router("/v1", "me")


class Me(Model):
    """The caller, by their token. `id` is what is stored with what they do."""

    id: str
    name: str | None = None
    role: Role
    kind: Literal["person", "machine"]


@router.get("/me")
async def get_me(by: Annotated[Caller, Authenticated]) -> Me:
    """Get the caller: the id that is stored with what they do, and their role."""
    return Me(id=by.user, name=by.name, role=by.role, kind="machine" if by.is_machine else "person")

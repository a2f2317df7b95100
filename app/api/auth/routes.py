"""Who the caller is to us: also the way to see whether an issuer's claims are read as they are meant."""

from typing import Annotated, Literal

from fastapi import APIRouter

from app.api.auth.callers import Caller, Role
from app.api.auth.requires import Authenticated
from app.api.http.problems import documented
from app.projections.read_models.types import Model

router = APIRouter(
    prefix="/v1",
    tags=["me"],
    dependencies=[Authenticated],
    responses=documented(400, 401, 403, 503),
)


class Me(Model):
    """The caller, as their token tells. ``id`` is what is stored with what they do."""

    id: str
    name: str | None = None
    role: Role
    kind: Literal["person", "machine"]


@router.get("/me", operation_id="getMe", response_model_exclude_none=True)
async def get_me(by: Annotated[Caller, Authenticated]) -> Me:
    """Get who one is: the id that is stored with what one does, and the role."""
    return Me(id=by.user, name=by.name, role=by.role, kind="machine" if by.is_machine else "person")

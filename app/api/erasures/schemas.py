"""Erasures over REST."""

from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from app.api.http.request_fields import Body
from app.projections.read_models.base import Model, StaffMember


class ErasureBody(Body):
    """Why a customer is erased. It is kept permanently and must not name the customer."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=500)]


class Erasure(Model):
    """What was erased of a customer, when, why and by whom."""

    customer_id: str
    """The erased customer: the identifier stays."""
    erased_at: datetime
    """Time of the erasure."""
    erased_by: StaffMember
    """Who erased them."""
    reason: str
    """The reason given."""
    cleared: dict[str, int]
    """How many documents of further collections are cleared, by collection."""
    dead_letters: list[str] | None = None
    """Dead letters that mention the customer, or what was erased with them: unchanged entries, to be reviewed
    and deleted by hand. The oldest thousand are searched, and the oldest thousand discarded ones
    (`discarded:ID`). Absent if Redis is away."""
    dead_letters_not_looked_at: int | None = None
    """How many newer dead letters were not searched; absent if all were."""

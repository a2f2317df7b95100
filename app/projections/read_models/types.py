"""The types that the models of documents share.

The text below each field describes it in the data dictionary, for analysts who read MongoDB, and in the
OpenAPI document, where money is a decimal string and a time is ISO 8601 in UTC. Unknown values are absent.
"""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from app.runtime.camel_model import Money as Money

Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
"""A calendar date, ``YYYY-MM-DD``."""

CreatedAt = Annotated[
    datetime | None, Field(description="The earliest time reported by any of its events. Always present.")
]
UpdatedAt = Annotated[
    datetime | None, Field(description="The latest time reported by any of its events. Always present.")
]


class Model(BaseModel):
    """A document, or a part of one. Fields private to the projector are left out."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", use_attribute_docstrings=True
    )

    @classmethod
    def identifier(cls) -> str:
        """The name under which a whole document holds its ``_id`` a second time."""
        return next(
            to_camel(name) for name, field in cls.model_fields.items() if field.validation_alias == "_id"
        )


class Person(Model):
    """A staff member."""

    id: str
    """Their identifier, from their token or the CRM."""
    name: str | None = None
    """Their name, if known."""


class StaffMember(Person):
    """A staff member or a machine, from the token."""

    role: str
    """Their role at the time: `readonly`, `operations`, `supervisor` or `admin`."""


class LedgerFault(Model):
    """Why the ledger did not post, or why the outcome is unknown."""

    code: str
    """The name of the gRPC status (`FAILED_PRECONDITION`), or one of ours: `REFUSED_BY_APPROVER`,
    `WITHDRAWN`, `NOT_POSTED` (settled by hand), `LOST` (no outcome was stored in time) and `ERASED` (can no
    longer be sent)."""
    message: str
    """The ledger's message, or the comment of the person who refused, withdrew or settled it."""

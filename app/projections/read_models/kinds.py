"""What the models of documents are made of.

A model's fields have descriptions: the text below each. They stand in the data dictionary, where analysts
read of documents in MongoDB, and in the OpenAPI document, where money is a decimal string and a time ISO 8601
in UTC.
What is unknown is absent.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from bson.decimal128 import Decimal128
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel


def _decimal(value: Any) -> Any:
    return value.to_decimal() if isinstance(value, Decimal128) else value


Money = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str),
    WithJsonSchema(
        {"type": "string", "format": "decimal", "pattern": r"^-?\d+\.\d{2}$", "examples": ["620.00"]}
    ),
]
"""An amount in AUD."""

Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
"""A calendar date, ``YYYY-MM-DD``."""

CreatedAt = Annotated[
    datetime | None, Field(description="The earliest time that any event of it tells. Always there.")
]
UpdatedAt = Annotated[
    datetime | None, Field(description="The latest time that any event of it tells. Always there.")
]


class Document(BaseModel):
    """A document, or a part of one. Fields of the projector's own are left out."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", use_attribute_docstrings=True
    )


class Person(Document):
    """Somebody on the staff."""

    id: str
    """Their identifier: by their token, or as the CRM tells it."""
    name: str | None = None
    """Their name, where it was told."""


class StaffMember(Person):
    """Somebody on the staff, or a machine, by their token."""

    role: str
    """What they were allowed to do then: `readonly`, `operations`, `supervisor` or `admin`."""


class LedgerFault(Document):
    """Why the ledger did not post, or why nobody knows."""

    code: str
    """The gRPC status by name (`FAILED_PRECONDITION`); of ours are `REFUSED_BY_APPROVER`, `WITHDRAWN`,
    `NOT_POSTED` (by hand), `LOST` (no outcome was stored in time) and `ERASED` (it can be sent no more)."""
    message: str
    """The ledger's own words, or those of the person who refused, withdrew or settled it."""

"""What every read model has: the types of its documents, and the options they depend on.

The text below each field describes it in the data dictionary, for analysts who read MongoDB, and in the
OpenAPI document, where money is a decimal string and a time is ISO 8601 in UTC. Unknown values are absent.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from app.projections.engine.projection import Projection
from app.projections.read_models.calendar import BusinessCalendar
from app.projections.read_models.versions import VERSIONS
from app.runtime.camel_model import Money as Money
from app.runtime.settings.settings import Settings

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


@dataclass(frozen=True)
class Options:
    """What may differ between deployments in the contents of documents."""

    time_zone: str = "Australia/Sydney"
    """The time zone of business days and months."""
    max_utterances: int = 2_000
    max_notices: int = 500
    max_list_bytes: int = 4 * 1024 * 1024
    """Of one conversation's utterances, and of its notices, as BSON. MongoDB takes 16 MiB a document: a
    quarter for each list, and half for the rest."""
    max_timeline_entries: int = 2_000
    """Entries in one month of a customer."""

    @classmethod
    def of(cls, settings: Settings) -> "Options":
        """The options that the settings name."""
        return cls(
            time_zone=settings.business_time_zone,
            max_utterances=settings.conversation_max_utterances,
            max_notices=settings.conversation_max_notices,
        )


class ReadModel(Projection):
    """A projection whose documents are shared with analysts and the API."""

    model: ClassVar[type[Model]]
    """The shape of its documents."""

    def __init__(self, options: Options = Options()) -> None:
        self.options = options

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.identifier = cls.model.identifier()
        cls.version = VERSIONS.get(cls.name, cls.version)

    @cached_property
    def calendar(self) -> BusinessCalendar:
        """The business calendar in the time zone of the options."""
        return BusinessCalendar(self.options.time_zone)

"""What every read model has: the shape of its documents, and the options they depend on."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from app.projections.engine.projection import Projection
from app.projections.read_models.calendar import BusinessCalendar
from app.projections.read_models.types import Model
from app.runtime.settings.settings import Settings


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

    @cached_property
    def calendar(self) -> BusinessCalendar:
        """The business calendar in the time zone of the options."""
        return BusinessCalendar(self.options.time_zone)

"""The read model ``customer-timeline``: what happened to a customer, one document a month."""

from app.aggregates import Conversation
from app.projections.engine.projection import Projection
from app.projections.engine.values import Document
from app.projections.read_models.calendar import BusinessCalendar
from app.projections.read_models.customer_timeline.links import Entered, TimelineLinks
from app.projections.read_models.customer_timeline.lists import put_in, tells_again
from app.projections.read_models.customer_timeline.vocabulary import STANDINGS
from app.projections.read_models.customer_timeline.words import TELL


def customer_timeline(time_zone: str, max_entries: int = 2_000) -> Projection:
    """The projection, by the months of a time zone; a document keeps the newest entries, and a true count."""
    projection = Projection(
        "customer-timeline",
        own=(),
        others=(*TELL, Conversation.ParticipantsMet),  # It has no entry, but says whose the others are.
        lookup=TimelineLinks(BusinessCalendar(time_zone), max_entries),
        stamped=False,
        version=2,
    )

    @projection.on(Entered)
    def _entered(document: Document, news: Entered) -> None:
        document.update(customerId=news.customer_id, month=news.month)
        entries: list[Document] = document.setdefault("entries", [])
        document["entryCount"] = document.get("entryCount", 0) + news.more
        for entry in news.entries:
            if entry["what"] in STANDINGS and tells_again(entries, entry):
                continue
            put_in(entries, entry, max_entries)
            document["entryCount"] += 1

    return projection

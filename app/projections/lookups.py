"""What a lookup document was before an event, from the events themselves."""

from app.projections.folding import Recompute
from app.projections.projection import Projection
from app.projections.reading import EventReader
from app.projections.values import Document


def before(projection: Projection, reader: EventReader) -> Recompute:
    """The function that folds a lookup document from the events before a position."""

    def recompute(key: str, position: int) -> Document:
        document: Document = {}
        if (lookup := projection.lookup) is not None:
            for told in reader.of(list(lookup.lookup_sources(key))):
                if told.position < position and lookup.key(told.event) == key:
                    lookup.evolve(document, told.event, told.position)
        return document

    return recompute

"""The queries of docs/data-dictionary.md, read from the page as an analyst copies them."""

import json
import re
from typing import Any, NamedTuple

from pymongo.database import Database

from tests.support.commands import ROOT
from tools.pages.dictionary_page import PAGE

_QUERY = re.compile(
    r"^### (?P<heading>[^\n]+)\n(?:(?!#|```)[^\n]*\n)*"
    r"^```js\ndb\.getCollection\(\"(?P<collection>[\w-]+)\"\)\.aggregate\((?P<pipeline>.*?)\)\n```$",
    re.MULTILINE | re.DOTALL,
)


class Query(NamedTuple):
    """A block of the page: on which collection, and what."""

    collection: str
    pipeline: list[dict[str, Any]]

    def answer(self, database: Database[dict[str, Any]]) -> list[dict[str, Any]]:
        """What a database answers."""
        return list(database[self.collection].aggregate(self.pipeline))


def queries() -> dict[str, Query]:
    """Each query by its heading."""
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    found = {
        match["heading"]: Query(match["collection"], json.loads(match["pipeline"]))
        for match in _QUERY.finditer(page)
    }
    assert len(found) == page.count("```js"), "a block of the page is no query that this reads"
    return found

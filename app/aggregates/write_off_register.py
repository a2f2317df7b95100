"""The write-off requests that were made on one loan account: so that there is one at a time."""

from typing import Any

from app.aggregates.base import NOTHING, RememberingAggregate, absorbs
from app.aggregates.source import Source


class WriteOffRegister(RememberingAggregate):
    """Names the requests of an account, whoever made them; each of them knows whether it is decided.

    Two people who ask at once both read that nothing is pending; but both must add to this, and the second
    to save meets the first.
    """

    class RequestEntered(RememberingAggregate.Event):
        PERSONAL = NOTHING

        request_id: str

        def change(self, aggregate: Any) -> None:
            aggregate.request_ids.append(self.request_id)

    def __init__(self, business_id: str) -> None:
        super().__init__(business_id)
        self.request_ids: list[str] = []

    @absorbs
    def enter(self, source: Source, *, request_id: str) -> None:
        """A request was made."""
        if request_id not in self.request_ids:
            self.record(self.RequestEntered, source, request_id=request_id)

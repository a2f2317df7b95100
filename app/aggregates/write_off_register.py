"""The write-off requests that were made on one loan account: so that there is one at a time."""

from collections.abc import Callable

from app.aggregates.base import NOTHING, Aggregate, Source, absorbs
from app.aggregates.two_people import RefusedError
from app.aggregates.write_off_request import WriteOffRequest


class WriteOffPendingError(RefusedError):
    """The account has a request that is not settled."""

    code = "write_off_pending"


class WriteOffRegister(Aggregate):
    """Names the requests of an account, whoever made them; each of them knows whether it is decided.

    Two people who ask at once both read that nothing is pending; but both must add to this, and the second
    to save meets the first.
    """

    class RequestEntered(Aggregate.Event):
        PERSONAL = NOTHING

        request_id: str

        def apply(self, aggregate: "WriteOffRegister") -> None:
            aggregate.request_ids.append(self.request_id)

    def __init__(self, business_id: str) -> None:
        super().__init__(business_id)
        self.request_ids: list[str] = []

    def check_none_open(self, request_of: Callable[[str], WriteOffRequest]) -> None:
        """Raises WriteOffPendingError if a request awaits its decision, or the outcome of its posting."""
        for each in self.request_ids:
            if (other := request_of(each)).is_open:
                first = "wait for its posting" if other.decided else "decide or cancel that one first"
                msg = f"{self.business_id} has the request {each}, which is not settled: {first}."
                raise WriteOffPendingError(msg)

    @absorbs
    def enter(self, source: Source, *, request_id: str) -> None:
        """A request was made."""
        if request_id not in self.request_ids:
            self.record(source, self.RequestEntered(request_id=request_id))

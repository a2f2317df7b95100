"""The write-off requests of one loan account, of which one at a time may be open."""

from collections.abc import Callable

from app.aggregates.base import NOTHING, Aggregate, Source, absorbs
from app.aggregates.loan_account.account import LoanAccount
from app.aggregates.two_people import RefusedError
from app.aggregates.write_offs.request import WriteOffRequest


class WriteOffPendingError(RefusedError):
    """The account has a request that is not settled."""

    code = "write_off_pending"


class AccountClosedError(RefusedError):
    """Nothing can be written off on a closed account."""

    code = "account_closed"


class WriteOffRegister(Aggregate):
    """Names the requests of an account; each request knows whether it is decided.

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

    def check_may_ask(self, account: LoanAccount, request_of: Callable[[str], WriteOffRequest]) -> None:
        """Raises AccountClosedError, and WriteOffPendingError if a request or its posting is not settled."""
        if account.is_closed:
            raise AccountClosedError(f"{self.business_id} is closed: nothing can be written off.")
        for each in self.request_ids:
            if (other := request_of(each)).is_open:
                first = "wait for its posting" if other.outcome else "decide or cancel that one first"
                msg = f"{self.business_id} has the request {each}, which is not settled: {first}."
                raise WriteOffPendingError(msg)

    @absorbs
    def enter(self, source: Source, *, request_id: str) -> None:
        """A request was made."""
        if request_id not in self.request_ids:
            self.record(source, self.RequestEntered(request_id=request_id))

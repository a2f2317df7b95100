"""What a loan account knows: as much as its rules need."""

from datetime import datetime
from decimal import Decimal

from app.aggregates.base import Aggregate
from app.aggregates.loan_account.disbursement import Disbursement
from app.aggregates.loan_account.instalments import Instalments
from app.aggregates.loan_account.movements import Movements
from app.aggregates.loan_account.status import TERMINAL_STATUSES


class LoanAccountState(Aggregate):
    """The state that events change and commands decide by."""

    def __init__(self, business_id: str) -> None:
        super().__init__(business_id)
        self.customer_id: str | None = None
        self.balance: Decimal | None = None
        self.movements = Movements()
        self.other_movements = Decimal(0)
        self.sdk_status: str | None = None
        self.account_status: str | None = None
        self.gate_passed = False
        self.disbursement = Disbursement()
        self.disbursed_date: str | None = None
        self.closure_reason: str | None = None
        self.schedule_id: str | None = None
        self.schedule_created = False
        self.schedule_since: datetime | None = None
        self.instalments = Instalments()
        self.memories += [self.instalments.stamps.known, self.movements.reports]

    @property
    def is_open(self) -> bool:
        """Whether it is neither paid nor written off, as far as is known."""
        return self.account_status not in TERMINAL_STATUSES

    @property
    def is_closed(self) -> bool:
        """Whether upstream has closed it, for any reason."""
        return self.sdk_status == "CLOSED"

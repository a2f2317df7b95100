"""Our event SDK: what upstream teams import to build, validate and publish messages of the inbox stream.

Build a :class:`Message` from a type and its payload, and :func:`publish` it; :func:`validate` returns our
consumer's verdict on raw fields. Errors quote no values::

    ValueError
    ├── InvalidMessageError        a message that our consumer would reject: reason and path
    └── pydantic.ValidationError   invalid arguments of a payload's constructor

docs/messages/README.md is the guide; every public name is in ``__all__``.
"""

from app.aggregates.customer import EkycStatus
from app.aggregates.loan_account.status import AgingBucket, ClosureReason, PaymentFrequency, PaymentStatus
from app.aggregates.loan_account.status import SdkStatus as AccountStatus
from app.aggregates.write_offs.facts import WriteOffPriority, WriteOffReason
from app.ingestion.messages.accounts import (
    AccountClosed,
    AccountCreated,
    AccountStatusChanged,
    AccountUpdated,
    AgingUpdated,
    PaymentNews,
    PlannedPayment,
    ScheduleCreated,
    ScheduleUpdated,
)
from app.ingestion.messages.chat import (
    ApplicationDetailChanged,
    ConversationStarted,
    ConversationSummary,
    CustomerNamed,
    FinalDecision,
    FreeForm,
    NoticePosted,
    SummaryChanged,
    Utterance,
)
from app.ingestion.messages.customers import (
    ApplicantDetails,
    CustomerChanged,
    CustomerVerified,
    ResidentialAddress,
)
from app.ingestion.messages.fields import Payload
from app.ingestion.messages.parsers import ParserError, Parsers, TypeParser
from app.ingestion.messages.rejection import Reason
from app.ingestion.messages.write_offs import (
    WriteOffApproved,
    WriteOffCancelled,
    WriteOffRejected,
    WriteOffRequested,
)
from app.sdk._message import InvalidMessageError, Message, publish
from app.sdk._schemas import json_schema
from app.sdk._validate import (
    Accepted,
    NotConsumed,
    Refused,
    Verdict,
    installed_parsers,
    message_types,
    validate,
)

__all__ = [
    "Accepted",
    "AccountClosed",
    "AccountCreated",
    "AccountStatus",
    "AccountStatusChanged",
    "AccountUpdated",
    "AgingBucket",
    "AgingUpdated",
    "ApplicantDetails",
    "ApplicationDetailChanged",
    "ClosureReason",
    "ConversationStarted",
    "ConversationSummary",
    "CustomerChanged",
    "CustomerNamed",
    "CustomerVerified",
    "EkycStatus",
    "FinalDecision",
    "FreeForm",
    "InvalidMessageError",
    "Message",
    "NotConsumed",
    "NoticePosted",
    "ParserError",
    "Parsers",
    "Payload",
    "PaymentFrequency",
    "PaymentNews",
    "PaymentStatus",
    "PlannedPayment",
    "Reason",
    "Refused",
    "ResidentialAddress",
    "ScheduleCreated",
    "ScheduleUpdated",
    "SummaryChanged",
    "TypeParser",
    "Utterance",
    "Verdict",
    "WriteOffApproved",
    "WriteOffCancelled",
    "WriteOffPriority",
    "WriteOffReason",
    "WriteOffRejected",
    "WriteOffRequested",
    "installed_parsers",
    "json_schema",
    "message_types",
    "publish",
    "validate",
]

"""Our event SDK: what upstream teams import to build, validate and publish messages of the inbox stream.

Build a :class:`Message` from a type and its payload, and :func:`publish` it; :func:`validate` returns our
consumer's verdict on raw fields. Errors quote no values::

    ValueError
    ├── InvalidMessageError        a message that our consumer would reject: reason and path
    └── pydantic.ValidationError   invalid arguments of a payload's constructor

docs/messages/README.md is the guide. The public names are those below without an underscore.
"""

from app.aggregates.customer import EkycStatus as EkycStatus
from app.aggregates.loan_account.reports import (
    AgingBucket as AgingBucket,
    ClosureReason as ClosureReason,
    PaymentFrequency as PaymentFrequency,
    PaymentStatus as PaymentStatus,
    SdkStatus as _SdkStatus,
)
from app.aggregates.write_offs.facts import (
    WriteOffPriority as WriteOffPriority,
    WriteOffReason as WriteOffReason,
)
from app.ingestion.messages.accounts import (
    AccountClosed as AccountClosed,
    AccountCreated as AccountCreated,
    AccountStatusChanged as AccountStatusChanged,
    AccountUpdated as AccountUpdated,
    AgingUpdated as AgingUpdated,
    PaymentNews as PaymentNews,
    PlannedPayment as PlannedPayment,
    ScheduleCreated as ScheduleCreated,
    ScheduleUpdated as ScheduleUpdated,
)
from app.ingestion.messages.chat import (
    ApplicationDetailChanged as ApplicationDetailChanged,
    ConversationStarted as ConversationStarted,
    ConversationSummary as ConversationSummary,
    CustomerNamed as CustomerNamed,
    FinalDecision as FinalDecision,
    FreeForm as FreeForm,
    NoticePosted as NoticePosted,
    SummaryChanged as SummaryChanged,
    Utterance as Utterance,
)
from app.ingestion.messages.customers import (
    ApplicantDetails as ApplicantDetails,
    CustomerChanged as CustomerChanged,
    CustomerVerified as CustomerVerified,
    ResidentialAddress as ResidentialAddress,
)
from app.ingestion.messages.fields import Payload as Payload
from app.ingestion.messages.parsers import (
    ParserError as ParserError,
    Parsers as Parsers,
    TypeParser as TypeParser,
)
from app.ingestion.messages.rejection import Reason as Reason
from app.ingestion.messages.write_offs import (
    WriteOffApproved as WriteOffApproved,
    WriteOffCancelled as WriteOffCancelled,
    WriteOffRejected as WriteOffRejected,
    WriteOffRequested as WriteOffRequested,
)
from app.sdk._message import (
    Accepted as Accepted,
    InvalidMessageError as InvalidMessageError,
    Message as Message,
    NotConsumed as NotConsumed,
    Refused as Refused,
    Verdict as Verdict,
    installed_parsers as installed_parsers,
    message_types as message_types,
    publish as publish,
    validate as validate,
)
from app.sdk._schemas import json_schema as json_schema

AccountStatus = _SdkStatus

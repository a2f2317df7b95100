"""The read models as one would write them with the eventsourcing library alone: an event at a time.

Each event is one ``update_one`` of what it changes, then one of the position; a customer's name goes on to
their loan accounts. It knows the events of the benchmarks' backlog, and comes to the documents of ours.
"""

from collections.abc import Callable, Sequence
from typing import Any

from eventsourcing.persistence import (
    InfrastructureFactory,
    ListenNotifySubscription,
    Subscription,
    Tracking,
)
from eventsourcing.projection import Projection
from eventsourcing.utils import get_topic
from pymongo import MongoClient
from pymongo.database import Database

from app.aggregates import Conversation, Customer, LoanAccount
from app.event_store.sqlite import SQLiteBatchRecorder
from app.projections.engine.positions import MongoTrackingRecorder
from app.projections.engine.projection import time
from app.projections.read_models.catalogue import COLLECTIONS
from app.projections.read_models.conversations.read_model import free_form
from app.projections.read_models.loan_accounts.read_model import LoanAccounts
from app.runtime.settings.settings import get_settings

Mongo = Database[dict[str, Any]]
Update = dict[str, dict[str, Any]]
_LOAN_ACCOUNTS = LoanAccounts()


class SubscribableRecorder(SQLiteBatchRecorder):
    """Our recorder of SQLite, with the library's subscription: it reads what is there, 500 events at once."""

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[Any]:
        return ListenNotifySubscription(self, gt=gt, topics=topics)


class PlainView(MongoTrackingRecorder):
    """The collections, and the position of the one projection that writes them all."""

    def __init__(self, database: Mongo) -> None:
        super().__init__(database, "plain")
        self.database = database


class PlainFactory(InfrastructureFactory[PlainView]):
    """Makes the view on the database of the settings: what ``ProjectionRunner`` asks for."""

    def tracking_recorder(self, tracking_recorder_class: type[PlainView] | None = None) -> PlainView:
        settings = get_settings()
        client = MongoClient[dict[str, Any]](settings.mongo_url, tz_aware=True)
        return (tracking_recorder_class or PlainView)(client[settings.mongo_db])

    def aggregate_recorder(self, purpose: str = "events") -> Any:
        raise NotImplementedError

    def application_recorder(self) -> Any:
        raise NotImplementedError

    def process_recorder(self) -> Any:
        raise NotImplementedError


class PlainProjection(Projection[PlainView]):
    """All three read models: ``ProjectionRunner`` hands it one event after the other."""

    name = "plain"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Change the documents that the event concerns, then the position."""
        database, event = self.view.database, domain_event
        collection, change = _CHANGES[type(event)]
        update = change(event, database)
        update["$set"] = update.get("$set", {}) | {COLLECTIONS[collection].identifier(): event.business_id}
        moment = time(event.at)
        update |= {"$min": {"createdAt": moment}, "$max": update.get("$max", {}) | {"updatedAt": moment}}
        database[collection].update_one({"_id": event.business_id}, update, upsert=True)
        if type(event) is Customer.NameChanged:
            database["loan-accounts"].update_many(
                {"customerId": event.business_id}, {"$set": {"customerName": event.full_name}}
            )
        self.view.insert_tracking(tracking)


def plain_environment(event_store: dict[str, str]) -> dict[str, str]:
    """The library's settings: those of the event store, and of the view."""
    return event_store | {
        "APPLICATION_RECORDER_TOPIC": get_topic(SubscribableRecorder),
        "PLAIN_PERSISTENCE_MODULE": get_topic(PlainFactory),
    }


def _set(**fields: Any) -> Update:
    return {"$set": {name.replace("__", "."): value for name, value in fields.items() if value is not None}}


def _nothing(_event: Any, _database: Mongo) -> Update:
    return {}


def _name(event: Any, _database: Mongo) -> Update:
    return _set(firstName=event.first_name, lastName=event.last_name, fullName=event.full_name)


def _address(event: Any, _database: Mongo) -> Update:
    parts = event.parts
    return _set(
        residentialAddress__streetNumber=parts.get("street_number"),
        residentialAddress__suburb=parts.get("suburb"),
        residentialAddress__state=parts.get("state"),
        residentialAddress__street=parts.get("street_number"),
        residentialAddress__city=parts.get("suburb"),
    )


def _linked(event: Any, database: Mongo) -> Update:
    customer = database["customers"].find_one({"_id": event.customer_id}, {"fullName": 1}) or {}
    return _set(customerId=event.customer_id, customerName=customer.get("fullName"))


def _reported(event: Any, database: Mongo) -> Update:
    """What an account's messages said is kept, and all else derived from it, as ours is."""
    known = database["loan-accounts"].find_one({"_id": event.business_id})
    document = _LOAN_ACCOUNTS.evolve(known, event) or {}
    _LOAN_ACCOUNTS.finish(document)
    return {"$set": {name: document[name] for name in document.keys() - {"_id", "createdAt", "updatedAt"}}}


def _started(event: Any, _database: Mongo) -> Update:
    return _set(
        customerId=event.customer_id,
        applicationNumber=event.application_number,
        startedAt=time(event.started_at),
    )


def _utterance(event: Any, _database: Mongo) -> Update:
    said = time(event.created_at)
    utterance = {
        "username": event.username,
        "utterance": event.utterance,
        "createdAt": said,
        "rationale": event.rationale,
        "answerInputType": event.answer_input_type,
    }
    known = {name: value for name, value in utterance.items() if value is not None}
    return {
        "$push": {"utterances": known},
        "$inc": {"utteranceCount": 1},
        "$max": {"lastUtteranceAt": said},
    }


def _application(event: Any, _database: Mongo) -> Update:
    data = free_form(event.application_data)
    return {"$set": {f"applicationData.{path}": value for path, value in _leaves(data)}}


def _leaves(tree: dict[str, Any]) -> list[tuple[str, Any]]:
    found = []
    for name, value in tree.items():
        if isinstance(value, dict):
            found += [(f"{name}.{path}", leaf) for path, leaf in _leaves(value)]
        else:
            found.append((name, value))
    return found


def _opened_chat(_event: Any, _database: Mongo) -> Update:
    return _set(status="active", utterances=[], utteranceCount=0, noticeboard=[], noticeboardCount=0)


_CHANGES: dict[type[Any], tuple[str, Callable[[Any, Mongo], Update]]] = {
    Customer.Registered: ("customers", _nothing),
    Customer.NameChanged: ("customers", _name),
    Customer.ContactDetailsChanged: (
        "customers",
        lambda event, _: _set(emailAddress=event.email_address, mobilePhoneNumber=event.mobile_phone_number),
    ),
    Customer.DateOfBirthRecorded: ("customers", lambda event, _: _set(dateOfBirth=event.date_of_birth)),
    Customer.EkycAssessed: ("customers", lambda event, _: _set(ekycStatus=event.ekyc_status)),
    Customer.ResidentialAddressChanged: ("customers", _address),
    LoanAccount.Registered: ("loan-accounts", _nothing),
    LoanAccount.LinkedToCustomer: ("loan-accounts", _linked),
    LoanAccount.Opened: ("loan-accounts", _reported),
    LoanAccount.Updated: ("loan-accounts", _reported),
    LoanAccount.ScheduleCreated: ("loan-accounts", _reported),
    Conversation.Registered: ("conversations", _opened_chat),
    Conversation.Started: ("conversations", _started),
    Conversation.UtteranceAdded: ("conversations", _utterance),
    Conversation.ApplicationDetailsChanged: ("conversations", _application),
    Conversation.AssessmentRecorded: (
        "conversations",
        lambda event, _: {"$set": {f"assessments.{event.kind}": free_form(event.result)}},
    ),
    Conversation.DecisionMade: (
        "conversations",
        lambda event, _: _set(finalDecision=event.decision, status=event.status, decidedAt=time(event.at)),
    ),
    Conversation.Summarised: (
        "conversations",
        lambda event, _: _set(purpose=event.purpose, facts=event.facts),
    ),
}

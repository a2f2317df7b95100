"""What tests of contact notes write down, and where."""

from typing import Any

from app.aggregates import Actor, Customer
from app.event_store.application import Servicing
from app.runtime.settings.settings import Settings
from tests.support.data.given import message

NOTE: dict[str, Any] = {
    "noteType": "phone_inbound",
    "subject": "Cannot pay on Friday",
    "content": "Asked for *a week* more.",
}
NOTES = "/v1/customers/C1/notes"
ANN, BOB = Actor("ann", "Ann Lee", "operations"), Actor("bob", None, "operations")


def know_customers(servicing: Servicing, *names: str) -> None:
    """Have these customers known."""
    unit = servicing.unit_of_work()
    for name in names:
        source = message(f"customer {name}")
        unit.obtain(Customer, name, source).report_details(source, first_name="Cyd")
    unit.commit()


def store_of(settings: Settings, *customers: str) -> None:
    """Make the event store, with these customers in it."""
    servicing = Servicing.from_url(settings.event_store_url)
    know_customers(servicing, *customers)
    servicing.close()

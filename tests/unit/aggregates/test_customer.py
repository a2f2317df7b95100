"""The rules of contract messages.md, section "Customers"."""

from app.aggregates import Customer
from app.projections.read_models.customers import Customers
from tests.support.data.given import fold, message, minute

CUSTOMERS = Customers()


def test_an_absent_field_clears_no_earlier_report() -> None:
    customer = Customer.register("C1", message("first"))
    customer.report_details(message("m1"), first_name="Ann", email_address="ann@example.com", staff=False)
    customer.report_details(message("m2"), last_name="Lee", vulnerable=True)
    document = fold(CUSTOMERS, customer)
    assert document is not None
    assert document["fullName"] == "Ann Lee"
    assert document["emailAddress"] == "ann@example.com"
    assert document["flags"] == {"staff": False, "vulnerable": True}


def test_address_is_composed() -> None:
    customer = Customer.register("C1", message("first"))
    parts = {"street_number": "12", "street_name": "High", "street_type": "St", "suburb": "Perth"}
    customer.report_details(message("m1"), residential_address=parts)
    customer.report_details(message("m2"), residential_address={"unit_number": "4"})
    document = fold(CUSTOMERS, customer)
    assert document is not None
    assert document["residentialAddress"]["street"] == "Unit 4, 12 High St"
    assert document["residentialAddress"]["city"] == "Perth"


def test_stale_name_does_not_come_back() -> None:
    customer = Customer.register("C1", message("first"))
    customer.report_details(message("m2", at=2), last_name="Low")
    customer.report_details(message("m1", at=1), first_name="Ann", last_name="Lee")
    document = fold(CUSTOMERS, customer)
    assert document is not None
    assert document["fullName"] == "Ann Low"


def test_verified_at_defaults_to_the_messages_time() -> None:
    customer = Customer.register("C1", message("first"))
    customer.verify_identity(message("m1", at=7))
    document = fold(CUSTOMERS, customer)
    assert document is not None
    assert (document["ekycStatus"], document["verifiedAt"]) == ("successful", minute(7))


def test_created_and_updated_come_from_the_events() -> None:
    customer = Customer.register("C1", message("m2", at=9))
    customer.report_details(message("m2", at=9), first_name="Ann")
    customer.report_details(message("m1", at=3), last_name="Lee")
    document = fold(CUSTOMERS, customer)
    assert document is not None
    assert (document["createdAt"], document["updatedAt"]) == (minute(3), minute(9))

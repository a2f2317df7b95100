"""Contract, Customers: each rule, in every order of arrival."""

from typing import Any

import pytest

from tests.support.data.contract import Sent, in_any_order, sent

NAMES = ("customers", "conversations")


def report(hour: int, **details: Any) -> Sent:
    """A report of C1, made at an hour of 1 March."""
    at = f"2026-03-01T{hour:02}:00"
    return sent("customer.changed.v1", customer_id="C1", changed_at=at, **details)


def of_chat(hour: int, **customer: Any) -> Sent:
    at = {"cid": "V1", "timestamp": f"2026-03-01T{hour:02}:00Z"}
    return sent("applicationDetail_changed", customer={"customer_id": "C1"} | customer, entry=at)


def verified(hour: int, **more: str) -> Sent:
    return sent("customer.verified.v1", customer_id="C1", changed_at=f"2026-03-01T{hour:02}:00", **more)


def customer(*messages: Sent) -> dict[str, Any]:
    found: dict[str, Any] = in_any_order(list(messages), names=NAMES)["customers"]["C1"]
    return found


def test_reports_are_partial_only_what_is_present_changes() -> None:
    found = customer(report(1, first_name="Ann", staff=True), report(2, last_name="Lee", vulnerable=False))
    assert (found["fullName"], found["flags"]) == ("Ann Lee", {"staff": True, "vulnerable": False})


def test_an_older_report_does_not_overwrite_a_newer_one() -> None:
    assert customer(report(1, last_name="Lee"), report(2, last_name="Low"))["lastName"] == "Low"


def test_a_report_without_a_time_has_the_time_it_came_in() -> None:
    untimed = sent("customer.changed.v1", customer_id="C1", last_name="Now", came_in="2026-03-01T05:00")
    assert customer(report(4, last_name="Old"), untimed)["lastName"] == "Now"
    assert customer(report(6, last_name="New"), untimed)["lastName"] == "New"


@pytest.mark.parametrize("word", ["successful", "SUCCESS", "Approved", "passed", "Ekyc.VERIFIED"])
def test_ekyc_words_for_successful(word: str) -> None:
    assert customer(report(1, ekyc_status=word))["ekycStatus"] == "successful"


@pytest.mark.parametrize("word", ["failed", "FAIL", "declined", "rejected"])
def test_ekyc_words_for_failed(word: str) -> None:
    assert customer(report(1, ekyc_status=word))["ekycStatus"] == "failed"


@pytest.mark.parametrize("word", ["pending", "in_progress", "IN_REVIEW"])
def test_ekyc_words_for_pending(word: str) -> None:
    assert customer(report(1, ekyc_status=word))["ekycStatus"] == "pending"


def test_any_other_ekyc_word_is_dropped() -> None:
    assert customer(report(1, ekyc_status="failed"), report(2, ekyc_status="maybe"))["ekycStatus"] == "failed"


def test_verified_is_a_report_of_ekyc_status_successful_of_its_own_time() -> None:
    found = customer(report(1, ekyc_status="pending"), verified(2))
    assert (found["ekycStatus"], found["identityVerified"]) == ("successful", True)
    assert found["verifiedAt"].isoformat() == "2026-03-01T02:00:00+00:00"


@pytest.mark.parametrize("word", ["failed", "pending"])
def test_identity_verified_ends_with_a_newer_report_that_is_failed_or_pending(word: str) -> None:
    found = customer(verified(2), report(3, ekyc_status=word))
    assert (found["ekycStatus"], found["identityVerified"]) == (word, False)
    assert customer(verified(2), report(1, ekyc_status=word))["identityVerified"] is True
    again = customer(verified(2), report(3, ekyc_status=word), report(4, ekyc_status="passed"))
    assert again["identityVerified"] is True


def test_identity_verified_is_unknown_without_customer_verified() -> None:
    assert "identityVerified" not in customer(report(1, ekyc_status="successful"))


def home(**parts: str) -> dict[str, str]:
    return {"street_number": "12", "street_name": "High", "suburb": "Perth"} | parts


def test_a_whole_address_replaces_the_one_before() -> None:
    first = report(1, residential_address=home(unit_number="4", full_address="4/12 High, Perth"))
    second = report(2, residential_address={"street_name": "Low", "postcode": "6000"})
    found = customer(first, second)["residentialAddress"]
    assert found == {"streetName": "Low", "postcode": "6000", "street": "Low"}


def test_any_other_report_changes_parts_of_the_address() -> None:
    found = customer(
        report(1, residential_address=home()),
        report(2, residential_address={"unit_number": "4"}),
        report(3, residential_address={"state": "WA"}),
    )["residentialAddress"]
    assert found == {
        "streetNumber": "12",
        "streetName": "High",
        "suburb": "Perth",
        "city": "Perth",
        "unitNumber": "4",
        "state": "WA",
        "street": "Unit 4, 12 High",
    }


def test_parts_newer_than_a_whole_address_stay() -> None:
    found = customer(
        report(1, residential_address=home(unit_number="1")),
        report(2, residential_address={"street_name": "Low", "suburb": "Perth", "country": "AU"}),
        report(3, residential_address={"unit_number": "7"}),
    )["residentialAddress"]
    assert (found["street"], found["country"]) == ("Unit 7, Low", "AU")
    assert "streetNumber" not in found


def test_a_full_address_older_than_a_part_is_dropped() -> None:
    whole = home(full_address="12 High, Perth")
    parts = report(2, residential_address={"unit_number": "4"})
    assert "fullAddress" not in customer(report(1, residential_address=whole), parts)["residentialAddress"]
    newer = report(3, residential_address={"full_address": "4/12 High, Perth"})
    found = customer(report(1, residential_address=whole), parts, newer)["residentialAddress"]
    assert found["fullAddress"] == "4/12 High, Perth"


def test_city_stands_for_suburb_where_that_is_absent() -> None:
    found = customer(report(1, residential_address={"street_name": "High", "city": "Perth"}))
    assert found["residentialAddress"]["suburb"] == found["residentialAddress"]["city"] == "Perth"
    both = customer(report(1, residential_address={"suburb": "Subiaco", "city": "Perth"}))
    assert both["residentialAddress"]["city"] == "Subiaco"


def test_a_ready_made_street_is_taken_where_its_parts_are_absent() -> None:
    found = customer(report(1, residential_address={"street": "4/12 High St", "suburb": "Perth"}))
    assert found["residentialAddress"]["street"] == "4/12 High St"
    both = customer(report(1, residential_address=home(street="another")))
    assert both["residentialAddress"]["street"] == "12 High"


@pytest.mark.parametrize("name", ["email", "email_address", "emailAddress"])
def test_the_chats_names_of_the_email_address(name: str) -> None:
    assert customer(of_chat(1, **{name: "a@b.test"}))["emailAddress"] == "a@b.test"


@pytest.mark.parametrize(
    "name", ["phone", "mobile", "mobile_phone", "mobilePhone", "mobile_phone_number", "mobilePhoneNumber"]
)
def test_the_chats_names_of_the_phone_number(name: str) -> None:
    assert customer(of_chat(1, **{name: "0412345678"}))["mobilePhoneNumber"] == "0412345678"


@pytest.mark.parametrize("name", ["full_name", "fullName", "name"])
def test_full_name_counts_where_neither_first_nor_last_name_is_known(name: str) -> None:
    assert customer(of_chat(1, **{name: "Ann Lee"}))["fullName"] == "Ann Lee"


def test_a_newer_full_name_after_first_and_last_name_does_not_count() -> None:
    found = customer(report(1, first_name="Ann", last_name="Lee"), of_chat(2, full_name="Annie L"))
    assert found["fullName"] == "Ann Lee"
    assert customer(of_chat(1, name="Ann L"), of_chat(2, name="Annie L"))["fullName"] == "Annie L"


def test_a_report_of_the_chat_follows_the_rules_of_any_other() -> None:
    found = customer(of_chat(3, lastName="Chat", phone="1"), report(2, last_name="Crm", email_address="e"))
    assert (found["lastName"], found["emailAddress"], found["mobilePhoneNumber"]) == ("Chat", "e", "1")

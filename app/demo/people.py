"""Fictional applicants, with Australian addresses. Phone numbers and e-mails are of reserved ranges."""

from random import Random
from typing import Any, NamedTuple

_FIRST = (
    "Aisha Ben Chloe Dev Ella Finn Grace Hamish Isla Jack Kirra Liam Mei Noah Olive Priya Quinn Ruby Sam Tara"
)
_LAST = (
    "Abbott Brown Chen Dwyer Evans Fraser Gupta Hughes Ito Jones Kaur Lawson Murphy Nguyen Okafor Petrou Reid"
)
_PLACES = (
    ("Fremantle", "WA", "6160"),
    ("Newtown", "NSW", "2042"),
    ("Brunswick", "VIC", "3056"),
    ("West End", "QLD", "4101"),
    ("Glenelg", "SA", "5045"),
    ("Sandy Bay", "TAS", "7005"),
)
_STREETS = ("High St", "Station Rd", "Banksia Ave", "Wattle Cl", "Harbour Pde")
_WORK = ("baker", "nurse", "courier", "teacher's aide", "electrician", "barista")
PURPOSES = ("car repairs", "a dental bill", "a bond for a new flat", "a fridge", "school fees")


class Person(NamedTuple):
    customer_id: str
    first_name: str
    last_name: str
    details: dict[str, Any]
    work: str
    purpose: str


def person(number: int, chance: Random) -> Person:
    first, last = chance.choice(_FIRST.split()), chance.choice(_LAST.split())
    suburb, state, postcode = chance.choice(_PLACES)
    name, _, kind = chance.choice(_STREETS).rpartition(" ")
    address: dict[str, Any] = {
        "address_type": "RESIDENTIAL",
        "street_number": chance.randint(1, 180),
        "street_name": name,
        "street_type": kind,
        "suburb": suburb,
        "state": state,
        "postcode": postcode,
        "country": "AU",
    }
    if chance.random() < 0.3:
        address["unit_number"] = str(chance.randint(1, 30))
    born = f"{chance.randint(1958, 2006)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
    details = {
        "first_name": first,
        "last_name": last,
        "email_address": f"{first}.{last}.{number}@example.com".lower(),
        "mobile_phone_number": f"0491 570 {chance.randint(0, 999):03}",
        "date_of_birth": born,
        "residential_address": address,
        "vulnerable": chance.random() < 0.05,
    }
    return Person(f"CUS-{number:06}", first, last, details, chance.choice(_WORK), chance.choice(PURPOSES))

"""Customers and their loan accounts in MongoDB, as the projections would have made them."""

import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bson import Decimal128
from pymongo.database import Database

from app.projections.migrations import migrate
from app.projections.read_models.search_keys import set_search_keys

_ANNS = ("Ann", "Anna", "Anne", "Annabel", "Annika")
_AT = datetime(2026, 3, 1, tzinfo=UTC)
_FIRST = ("José", "Mary Anne", "Peter", "John", "Zoë", "Minh", "Priya", "Liam", "Olivia", "Noah")
_PAGE = 1_000
_SYLLABLES = ("bar", "den", "ford", "gal", "ham", "ing", "kel", "lo", "mar", "ner", "ow", "per", "ro", "son")


def load(database: Database[dict[str, Any]], count: int) -> None:
    """Migrate, and insert so many customers, each with a loan account; standard error tells how far it is."""
    list(migrate(database))
    for name, documents in (("customers", customers(count)), ("loan-accounts", loan_accounts(count))):
        page = []
        for number, document in enumerate(documents, 1):
            set_search_keys(name, document)
            page.append(document)
            if len(page) == _PAGE or number == count:
                database[name].insert_many(page, ordered=False)
                page = []
                print(f"\r{name}: {number:,}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)


def customers(count: int) -> Iterator[dict[str, Any]]:
    """Customers without keys: every third is called Ann, or something that begins so."""
    drawn = random.Random(1)
    for number in range(count):
        first = drawn.choice(_ANNS) if drawn.random() < 0.3 else drawn.choice(_FIRST)
        last = "".join(drawn.choices(_SYLLABLES, k=3)).capitalize()
        if number == count // 2:
            first, last = "Wilhelmina", "Østergård-Quist"
        yield {
            "_id": f"CUS-{number:06}",
            "firstName": first,
            "lastName": last,
            "fullName": f"{first} {last}",
            "emailAddress": f"{first.split()[0]}.{last}{number}@mail.test",
            "mobilePhoneNumber": f"+61 4{number % 100:02} {number // 1000:03} {number % 1000:03}",
            "dateOfBirth": "1990-01-01",
            "ekycStatus": "successful",
            "residentialAddress": {"suburb": "Bondi", "state": "NSW", "postcode": "2026"},
            "createdAt": _AT,
            "updatedAt": _AT,
            "_position": number + 1,
        }


def loan_accounts(count: int) -> Iterator[dict[str, Any]]:
    """A loan account a customer, without keys."""
    for number in range(count):
        yield {
            "_id": f"ACC-{number:06}",
            "accountNumber": f"LN{7_000_000 + number}",
            "customerId": f"CUS-{number:06}",
            "accountStatus": "active",
            "balances": {"currentBalance": Decimal128("620.00"), "totalOutstanding": Decimal128("620.00")},
            "createdAt": _AT,
            "updatedAt": _AT,
            "_position": number + 1,
        }

"""The read models of what was when, on real servers: followed, verified, rebuilt, mended by commands."""

from decimal import Decimal
from typing import Any

import pytest
from pymongo.database import Database

from tests.support.commands import ROOT, Billie
from tests.support.observed import HISTORIES, IN_ANY_ORDER, documents

SAMPLE = ROOT / "samples" / "lender-day.jsonl"
Mongo = Database[dict[str, Any]]


@pytest.fixture
def followed(billie: Billie, mongo_db: Mongo) -> Billie:
    """A lender's day, of which the other read models were folded long ago, and these two are new."""
    billie.run("migrate")
    billie.run("publish", str(SAMPLE))
    billie.run("ingest", "--drain")
    billie.run("project", "--drain", *IN_ANY_ORDER)
    assert not any(documents(mongo_db, HISTORIES).values())
    billie.run("project", "--drain")
    return billie


def test_histories_agree_with_the_other_documents_and_with_their_rebuild(
    followed: Billie, mongo_db: Mongo
) -> None:
    accounts = list(mongo_db["loan-accounts"].find())
    still_open = [each for each in accounts if each.get("accountStatus") not in ("paid_off", "written_off")]
    newest = mongo_db["portfolio-daily"].find_one(sort=[("_id", -1)])
    assert newest is not None
    assert sum(newest["accountsByStatus"].values()) == sum("accountStatus" in each for each in accounts) > 3
    owed = (each.get("balances", {}).get("currentBalance") for each in still_open)
    total = sum((each.to_decimal() for each in owed if each is not None), Decimal(0))
    assert newest["outstandingTotal"].to_decimal() == total > 0
    assert sum(each["payments"] for each in mongo_db["portfolio-daily"].find()) > 3
    customers = set(mongo_db["customer-timeline"].distinct("customerId"))
    assert {each["customerId"] for each in accounts if "customerId" in each} <= customers
    for month in mongo_db["customer-timeline"].find():
        assert month["entryCount"] == len(month["entries"]) > 0
        places = [(each["at"], each["position"]) for each in month["entries"]]
        assert places == sorted(places)
        assert month["_id"] == f"{month['customerId']}:{month['month']}"
    before = documents(mongo_db, HISTORIES)
    followed.run("verify", *HISTORIES)
    followed.run("rebuild", *HISTORIES)
    assert documents(mongo_db, HISTORIES) == before
    followed.run("verify", *HISTORIES)


def test_a_manual_edit_is_found_and_fixed(followed: Billie, mongo_db: Mongo) -> None:
    before = documents(mongo_db, HISTORIES)
    day, month = (before[name][0]["_id"] for name in HISTORIES)
    mongo_db["portfolio-daily"].update_one({"_id": day}, {"$inc": {"payments": 1}})
    mongo_db["customer-timeline"].delete_one({"_id": month})
    found = followed.end("verify", *HISTORIES)
    assert found.returncode == 1
    assert day in found.stdout
    assert month in found.stdout
    followed.run("rebuild", "portfolio-daily", "--id", day)
    followed.run("verify", *HISTORIES, "--fix")
    assert documents(mongo_db, HISTORIES) == before

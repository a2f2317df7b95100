"""``billie verify --sums``: silent on a lender's day, and a line for each sum that does not hold."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from bson.decimal128 import Decimal128
from pymongo.database import Database

from tests.support.commands import ROOT, Billie
from tests.support.servers.scripted_ledger import balance, scripted_ledger

Mongo = Database[dict[str, Any]]


@pytest.fixture
def day(billie: Billie) -> Billie:
    """A lender's day, projected."""
    billie.run("migrate")
    billie.run("publish", str(ROOT / "samples" / "lender-day.jsonl"))
    billie.run("ingest", "--drain")
    billie.run("project", "--drain")
    return billie


def breaches(billie: Billie, *more: str) -> list[dict[str, str]]:
    done = billie.end("verify", "--sums", "--json", *more)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    found = [line["breach"] for line in lines if "breach" in line]
    assert done.returncode == (1 if found else 0), done.stdout + done.stderr
    assert lines[-1]["outcome"]["breaches"] == len(found)
    return found


def test_each_sum_holds_on_a_lenders_day_and_each_breach_is_found(day: Billie, mongo_db: Mongo) -> None:
    assert breaches(day) == []
    assert day.run("verify", "--sums") == "All sums hold.\n"

    loans, days, months = (mongo_db[n] for n in ("loan-accounts", "portfolio-daily", "customer-timeline"))
    paid = loans.find_one({"closure": {"$exists": False}, "balances.totalPaid": {"$gt": Decimal128("1")}})
    assert paid is not None
    loans.update_one({"_id": paid["_id"]}, {"$set": {"balances.totalPaid": Decimal128("0.01")}})
    (breach,) = breaches(day)
    assert breach["document"] == f"loan-accounts {paid['_id']}"
    assert breach["expected"] != breach["found"]
    assert "billie verify --fix loan-accounts" in breach["remedy"]
    loans.replace_one({"_id": paid["_id"]}, paid)

    busy = days.find_one({"payments": {"$gt": 0}})
    assert busy is not None
    days.update_one({"_id": busy["_id"]}, {"$inc": {"payments": 1}})
    (breach,) = breaches(day)
    assert (breach["what"], breach["document"]) == ("payments of the day", f"portfolio-daily {busy['_id']}")
    days.replace_one({"_id": busy["_id"]}, busy)

    newest = days.find_one(sort=[("_id", -1)])
    assert newest is not None
    for name in ("accountsByStatus.active", "accountsByBucket.current", "accountsInArrears"):
        days.update_one({"_id": newest["_id"]}, {"$inc": {name: 1}})
        assert [each["what"] for each in breaches(day)] == [name]
        days.replace_one({"_id": newest["_id"]}, newest)
    days.update_one({"_id": newest["_id"]}, {"$set": {"outstandingTotal": Decimal128("0.01")}})
    assert [each["what"] for each in breaches(day)] == ["outstandingTotal"]
    days.replace_one({"_id": newest["_id"]}, newest)

    month = months.find_one({"entries.what": "repayment_received"})
    assert month is not None
    received = next(each for each in month["entries"] if each["what"] == "repayment_received")
    twice = {"$push": {"entries": received}, "$inc": {"entryCount": 1}}
    months.update_one({"_id": month["_id"]}, twice)
    (breach,) = breaches(day)
    assert (breach["document"], breach["expected"], breach["found"]) == ("customer-timeline", "1", "2")
    months.replace_one({"_id": month["_id"]}, month)
    assert breaches(day) == []

    closed = {"closure.reason": "PAID_OFF"}
    loans.update_one(closed, {"$set": {"closure.totalPaid": Decimal128("0.01")}})
    assert day.run("verify", "--sums").startswith(
        "1 closure reports a total paid that breaks the account's sum;"
    )


def test_the_ledgers_balances_are_compared_with_the_time_of_each(day: Billie, mongo_db: Mongo) -> None:
    some = mongo_db["loan-accounts"].find_one({"accountStatus": "active"})
    assert some is not None
    mongo_db["loan-accounts"].delete_many({"_id": {"$ne": some["_id"]}})
    with scripted_ledger({"GetBalance": balance("1.23", "0.00")}) as ledger:
        done = day.end("verify", "--sums", "--ledger", BILLIE_LEDGER_TARGET=ledger.target)
    line = next(each for each in done.stdout.splitlines() if "the ledger's balance" in each)
    ours = some["balances"]["currentBalance"].to_decimal()
    assert line.startswith(f"loan-accounts {some['_id']}: the ledger's balance: should be 1.23 at ")
    assert f"is {ours:.2f} at {some['updatedAt'].isoformat()}" in line


def test_a_ledger_that_is_away_ends_with_3_and_wrong_options_with_2(billie: Billie, mongo_db: Mongo) -> None:
    billie.run("migrate")
    owes = {"accountStatus": "active", "balances": {"currentBalance": Decimal128("1.00")}}
    mongo_db["loan-accounts"].insert_one({"_id": "L1", "updatedAt": datetime.now(UTC)} | owes)
    away = billie.end("verify", "--sums", "--ledger", BILLIE_LEDGER_TARGET="127.0.0.1:1")
    assert away.returncode == 3, away.stdout + away.stderr
    assert billie.end("verify", "--ledger").returncode == 2
    assert billie.end("verify", "--sums", "--fix").returncode == 2

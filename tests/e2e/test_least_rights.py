"""The system's whole life with TLS, and with the rights of ``deploy/rights`` alone, on real servers."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from app.api.auth.development_tokens import issue_token
from app.ingestion.stream.publish import publish
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.observed import all_read, least_position, newest_position, pending
from tests.support.servers.certificates import Authority
from tests.support.servers.secured import (
    DATABASE,
    constant,
    known_as,
    secured_mongo,
    secured_postgres,
    secured_redis,
)
from tests.support.waiting import LONG_S, until
from tests.support.whole_system import on_free_ports, whole_system
from tools.lender_day import sample

KEY = {"Idempotency-Key": "first-0001"}


class Secured(NamedTuple):
    """The servers' URLs, with ``USER`` in the place of ``user:password@``, and a client's certificate."""

    redis: str
    mongo: str
    postgres: str
    client_certificate: Path

    def settings(self) -> Settings:
        """Of the system's user, who signs in to MongoDB with a password."""
        return on_free_ports(
            Settings(
                redis_url=known_as("billie", self.redis),
                mongo_url=f"{known_as('billie', self.mongo)}&authSource={DATABASE}",
                event_store_url=known_as("billie", self.postgres),
                jwt_secret=SecretStr("a secret for tests, of more than 32 bytes"),
                rate_per_second=0,
                trim_after_hours=1,
            )
        )

    def x509(self) -> str:
        """MongoDB for the same user, who signs in with a certificate."""
        options = f"&authMechanism=MONGODB-X509&tlsCertificateKeyFile={self.client_certificate}"
        return self.mongo.replace("USER", "") + options


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    folder.chmod(0o755)
    authority = Authority(folder)
    authority.file.chmod(0o644)
    for name in ("redis", "mongo"):
        (folder / name).mkdir()
    with (
        secured_redis(folder / "redis", authority) as redis,
        secured_mongo(folder / "mongo", authority) as mongo,
        secured_postgres(authority) as postgres,
    ):
        yield Secured(redis, mongo, postgres, authority.issue("clients", "billie"))


def test_the_whole_life_of_the_system_needs_no_more(secured: Secured, tmp_path: Path) -> None:
    settings = secured.settings()
    by_certificate = settings.model_copy(update={"mongo_url": secured.x509()})
    with (
        whole_system(by_certificate, tmp_path),
        Redis.from_url(settings.redis_url, protocol=2) as redis,
        Redis.from_url(known_as("publisher", secured.redis), protocol=2) as publisher,
        MongoClient[dict[str, Any]](settings.mongo_url) as mongo,
        httpx.Client(
            base_url=f"http://127.0.0.1:{settings.api_port}",
            headers={"Authorization": f"Bearer {issue_token(settings, 'ann', 'admin')}"},
            timeout=LONG_S,
        ) as api,
    ):
        billie = Billie.of(settings)
        publish(publisher, settings.inbox_stream, sample(7, 30))

        def settled() -> bool:
            is_read = redis.exists(settings.inbox_stream) and all_read(redis, settings)
            return bool(is_read) and not pending(redis, settings)

        def is_up() -> bool:
            try:
                return api.get("/readyz").is_success
            except httpx.TransportError:
                return False

        def caught_up() -> bool:
            return least_position(mongo[DATABASE]) == newest_position(settings)

        until(settled, what="all to be acknowledged")
        until(caught_up, what="all to be projected")
        until(is_up, what="the API")
        _people_work(api)
        until(caught_up, what="what people did to be projected")
        for arguments in (
            ("rebuild", "--all"),
            ("verify",),
            ("reconcile",),
            ("reconcile", "--replay"),
            ("history", "customer", _one(api, "customers", "customerId")),
            ("backup", "make", str(tmp_path / "backup.db")),
            ("backup", "check", str(tmp_path / "backup.db")),
        ):
            billie.run(*arguments)
        _operators_work(billie, api)
        examined = json.loads(billie.run("doctor", "--json"))
        assert [each for each in examined if each["verdict"] != "ok"] == [], examined
        assert {f"{server}.certificate" for server in ("redis", "mongodb", "event_store")} <= {
            each["name"] for each in examined
        }
        status = billie.end("status", "--json")
        assert status.returncode < 2, status.stderr
    key = b64encode(bytes(32)).decode()
    for arguments in (("keys", "rotate"), ("keys", "status")):
        done = billie.end(*arguments, BILLIE_MASTER_KEY=key)
        assert done.returncode == 0, done.stderr
    for role in ("ingest", "project", "api"):  # The sandbox ledger is no part of a deployment.
        log = tmp_path / f"{role}.log"
        refused = [line for line in log.read_text().splitlines() if _is_refusal(line)]
        assert refused == [], log


def _is_refusal(line: str) -> bool:
    return any(word in line.lower() for word in ("noperm", "not authorized", "permission denied"))


def _one(api: httpx.Client, collection: str, name: str) -> str:
    """An identifier that needs no escape in a path, unlike those of the sample's edge cases."""
    found: list[dict[str, str]] = api.get(f"/v1/{collection}?limit=50").json()["items"]
    return next(each[name] for each in found if each[name].partition("-")[2].isdigit())


def _people_work(api: httpx.Client) -> None:
    """Staff read and write, with live changes; an admin has a read model rebuilt, and erases a customer."""
    customer = _one(api, "customers", "customerId")
    note = {"noteType": "phone_inbound", "subject": "Cannot pay", "content": "Asked for a week more."}
    with api.stream("GET", "/v1/changes?collection=contact-notes") as changes:
        lines = changes.iter_lines()
        made = api.post(
            f"/v1/customers/{customer}/notes", json=note, headers={"Idempotency-Key": "note-0001"}
        )
        assert made.status_code == 201, made.text
        assert any(made.json()["noteId"] in line for line in lines), "the change came"
    entry = {"typ": "customer.created.v1", "event_id": "from-the-api"}
    body = {**entry, "payload": json.dumps({"customer_id": "C-API", "first_name": "Ann"})}
    assert api.post("/v1/inbox?wait=30", json=body).status_code == 201
    money = f"/v1/ledger/accounts/{_one(api, 'loan-accounts', 'loanAccountId')}/repayments"
    paid = api.post(money, json={"amount": "1.00"}, headers=KEY)
    # The sandbox may not read the stream here: it knows no loan. The command is stored nevertheless.
    assert paid.json()["code"] == "ledger_account_not_found", paid.text
    job = api.post("/v1/projection-jobs", json={"kind": "rebuild", "projections": ["customers"]})
    assert job.status_code in (201, 202), job.text
    until(
        lambda: api.get(job.headers["Location"]).json()["status"] == "done",
        what="the job to be done",
    )
    erased: list[int] = []

    def is_erased() -> bool:
        answer = api.post("/v1/customers/C-API/erasure", json={"reason": "asked for it in a letter"})
        erased.append(answer.status_code)
        return answer.status_code in (200, 201)

    until(is_erased, what=f"the erasure: {erased}")


def _operators_work(billie: Billie, api: httpx.Client) -> None:
    """Dead letters are listed, shown, replayed, discarded and deleted."""
    listed = billie.run("dead-letters", "list", "--json")
    letters = [json.loads(line)["deadLetterId"] for line in listed.splitlines()]
    billie.run("dead-letters", "show", letters[0])
    assert billie.end("dead-letters", "replay", letters[0]).returncode == 1, "it fails again"
    billie.run("dead-letters", "discard", letters[1], "--because", "tried")
    [discarded] = billie.run("dead-letters", "list", "--discarded", "--json").splitlines()
    billie.run("dead-letters", "delete", json.loads(discarded)["deadLetterId"], letters[2])


REDIS_REFUSES = [
    ("billie", ("FLUSHALL",)),
    ("billie", ("KEYS", "*")),
    ("billie", ("CONFIG", "GET", "*")),
    ("billie", ("ACL", "LIST")),
    ("billie", ("SHUTDOWN",)),
    ("billie", ("XGROUP", "DESTROY", "inbox:billie-srv", "billie-servicing-processor")),
    ("billie", ("XADD", "inbox:another", "*", "a", "b")),
    ("billie", ("EVAL", "return redis.call('DEL', KEYS[1])", "1", "inbox:another")),
    ("publisher", ("XRANGE", "inbox:billie-srv", "-", "+")),
    ("publisher", ("DEL", "inbox:billie-srv")),
    ("publisher", ("XADD", "dlq:billie-srv", "*", "a", "b")),
]


@pytest.mark.parametrize(("user", "command"), REDIS_REFUSES, ids=lambda each: str(each[0]))
def test_redis_refuses_what_is_beyond(user: str, command: tuple[str, ...], secured: Secured) -> None:
    with (
        Redis.from_url(known_as(user, secured.redis), protocol=2) as redis,
        pytest.raises(NoPermissionError, match="permission"),
    ):
        redis.execute_command(*command)


Client = MongoClient[dict[str, Any]]
_USER = {"pwd": "x", "roles": []}
MONGO_REFUSES: dict[str, Callable[[Client], Any]] = {
    "another database": lambda client: client["another"]["things"].find_one(),
    "a write to another database": lambda client: client["another"]["things"].insert_one({}),
    "the list of databases": lambda client: client[DATABASE].command("dbStats"),
    "a new user": lambda client: client[DATABASE].command("createUser", "eve", **_USER),
    "a new role": lambda client: client[DATABASE].command("createRole", "all", privileges=[], roles=["root"]),
    "dropping the database": lambda client: client.drop_database(DATABASE),
    "a rename to another database": lambda client: client.admin.command(
        {"renameCollection": f"{DATABASE}.customers", "to": "another.customers"}
    ),
    "the operations of others": lambda client: client.admin.command("currentOp"),
    "a shutdown": lambda client: client.admin.command("shutdown"),
}


@pytest.mark.parametrize("does", MONGO_REFUSES.values(), ids=MONGO_REFUSES)
def test_mongodb_refuses_what_is_beyond(does: Callable[[Client], Any], secured: Secured) -> None:
    for url in (secured.settings().mongo_url, secured.x509()):
        with Client(url) as client, pytest.raises(OperationFailure, match=r"not authorized|requires auth"):
            does(client)


def test_an_analyst_reads_what_is_shared_and_nothing_more(secured: Secured) -> None:
    shared = constant("analyst.js", "COLLECTIONS")
    with Client(f"{known_as('ann', secured.mongo)}&authSource={DATABASE}") as client:
        database = client[DATABASE]
        for name in shared:
            database[name].find_one()
            assert list(database[name].aggregate([{"$limit": 1}, {"$count": "documents"}])) is not None
            assert database[name].index_information()
            for refused in (
                lambda name=name: database[name].insert_one({}),
                lambda name=name: database[name].update_one({}, {"$set": {"a": 1}}),
                lambda name=name: database[name].delete_one({}),
                lambda name=name: database[name].drop(),
                lambda name=name: list(database[name].aggregate([{"$out": "mine"}])),
            ):
                with pytest.raises(OperationFailure, match="not authorized"):
                    refused()
        for private in ("_loan-accounts.customers", "_rebuild.customers", "another"):
            join = {"from": private, "localField": "_id", "foreignField": "_id", "as": "found"}
            for refused in (
                database[private].find_one,
                lambda join=join: list(database["customers"].aggregate([{"$lookup": join}])),
            ):
                with pytest.raises(OperationFailure, match="not authorized"):
                    refused()


POSTGRES_REFUSES = {
    "a new user": "CREATE ROLE eve",
    "a new database": "CREATE DATABASE another",
    "a new schema": "CREATE SCHEMA another",
    "an untrusted extension": "CREATE EXTENSION file_fdw",
    "a program": "COPY (SELECT 1) TO PROGRAM 'cat'",
    "a file": "SELECT pg_read_file('/etc/hostname')",
    "a setting of the server": "ALTER SYSTEM SET fsync = off",
    "passwords": "SELECT * FROM pg_authid",
    "a temporary table": "CREATE TEMPORARY TABLE scratch (a int)",
    "another's rights": "SET ROLE administrator",
}


@pytest.mark.parametrize("statement", POSTGRES_REFUSES.values(), ids=POSTGRES_REFUSES)
def test_postgresql_refuses_what_is_beyond(statement: str, secured: Secured) -> None:
    with (
        psycopg.connect(known_as("billie", secured.postgres), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_no_server_answers_who_does_not_sign_in(secured: Secured) -> None:
    with (
        Redis.from_url(secured.redis.replace("USER", ""), protocol=2) as redis,
        pytest.raises(AuthenticationError, match="Authentication required"),
    ):
        redis.ping()
    with (
        Client(secured.mongo.replace("USER", "")) as client,
        pytest.raises(OperationFailure, match="requires authentication"),
    ):
        client[DATABASE]["customers"].find_one()
    plain = known_as("billie", secured.postgres).partition("?")[0]
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(f"{plain}?sslmode=disable")

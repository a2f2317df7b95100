"""The three servers as production has them: TLS alone, and users with the rights of ``deploy/rights``.

A Redis from the PATH is preferred: that of the ``embedded`` extra has no TLS, and gets a proxy that has.
"""

import json
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pymongo import MongoClient
from redis import Redis
from redis.exceptions import RedisError

from app.runtime.servers import embedded
from app.runtime.servers.embedded import EmbeddedServer, free_port
from tests.support.commands import ROOT
from tests.support.servers.certificates import Authority
from tests.support.servers.event_stores import cluster_of_tests
from tests.support.servers.proxies import proxy

RIGHTS = ROOT / "deploy" / "rights"
PASSWORD = "a password of tests"
DATABASE = "billie-servicing"


def known_as(user: str, url: str) -> str:
    """A server's URL for a user."""
    return url.replace("USER", f"{user}:{PASSWORD.replace(' ', '%20')}@")


def constant(script: str, name: str) -> Any:
    """A constant of one of the scripts for mongosh, which is written as JSON."""
    text = (RIGHTS / script).read_text(encoding="utf-8")
    [found] = re.findall(rf"^const {name} = (.*?);$", text, re.MULTILINE | re.DOTALL)
    return json.loads(found)


def server_context(certificate: Path) -> ssl.SSLContext:
    """TLS of a server that has this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@contextmanager
def secured_redis(folder: Path, authority: Authority) -> Iterator[str]:
    """The URL, with ``USER`` in the place of ``user:password@``."""
    hashed = sha256(PASSWORD.encode()).hexdigest()
    rules = (RIGHTS / "redis.acl").read_text().replace("SHA256-OF-ITS-PASSWORD", hashed)
    (folder / "users.acl").write_text(f"{rules}user administrator on nopass ~* &* +@all\n")
    certificate, port, plain = authority.issue("servers"), free_port(), free_port()
    command = [
        "--dir",
        str(folder),
        "--save",
        "",
        "--appendonly",
        "yes",
        "--aclfile",
        str(folder / "users.acl"),
    ]
    options = f"ssl_ca_certs={authority.file}"
    if (binary := shutil.which("redis-server")) is not None:
        files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(certificate))
        tls = ("--port", "0", "--tls-port", str(port), *files, "--tls-auth-clients", "no")
        own = f"rediss://administrator:any@127.0.0.1:{port}/0?{options}"
        command = [binary, *command, *tls, "--tls-ca-cert-file", str(authority.file)]
    else:
        own = f"redis://administrator:any@127.0.0.1:{plain}/0"
        command = [embedded._redis_binary(folder), *command, "--port", str(plain), "--bind", "127.0.0.1"]

    def answers(url: str) -> bool:
        try:
            with Redis.from_url(url, socket_timeout=1, protocol=2) as client:
                return bool(client.ping())
        except RedisError:
            return False

    server = EmbeddedServer("redis-server", command, own, port, folder / "redis.log", answers)
    try:
        if binary is not None:
            yield f"rediss://USER127.0.0.1:{port}/0?{options}"
            return
        with proxy(plain, server_context(certificate)) as encrypting:
            yield f"rediss://USER127.0.0.1:{encrypting.port}/0?{options}"
    finally:
        server.stop()


@contextmanager
def secured_mongo(folder: Path, authority: Authority) -> Iterator[str]:
    """The URL, with ``USER`` in the place of ``user:password@``, and its options to be continued."""
    if (mongod := shutil.which("mongod")) is None:
        pytest.skip("no mongod runs here, and the embedded server knows no roles")
    (folder / "data").mkdir()
    key = folder / "members.key"
    key.touch(0o600)
    key.write_text("themembersofthisset")
    port, certificate = free_port(), authority.issue("servers")
    command = [
        *(mongod, "--bind_ip", "127.0.0.1", "--port", str(port), "--dbpath", str(folder / "data")),
        *("--replSet", "rs0", "--auth", "--keyFile", str(key), "--wiredTigerCacheSizeGB", "0.25"),
        *("--oplogSize", "128", "--nounixsocket", "--quiet", "--tlsMode", "requireTLS"),
        *("--tlsCertificateKeyFile", str(certificate), "--tlsCAFile", str(authority.file)),
        "--tlsAllowConnectionsWithoutCertificates",
    ]
    options = f"directConnection=true&tls=true&tlsCAFile={authority.file}"
    url = f"mongodb://USER127.0.0.1:{port}/?{options}"

    def answers(url: str) -> bool:
        return embedded._mongo_answers(url, is_synced=False)

    own = url.replace("USER", "")
    server = EmbeddedServer("mongod", command, own, port, folder / "mongo.log", answers)
    try:
        with MongoClient[dict[str, Any]](own) as client:  # Until there is a user.
            client.admin.command("createUser", "administrator", pwd=PASSWORD, roles=["root"])
        with MongoClient[dict[str, Any]](known_as("administrator", url)) as client:
            _grant(client)
        yield url
    finally:
        server.stop()


def _grant(client: MongoClient[dict[str, Any]]) -> None:
    """What the scripts do, and the users that their comments name."""
    database = client[DATABASE]
    ours = {"resource": {"db": DATABASE, "collection": ""}, "actions": constant("mongodb.js", "ACTIONS")}
    theirs = [
        {"resource": {"db": DATABASE, "collection": name}, "actions": constant("analyst.js", "ACTIONS")}
        for name in constant("analyst.js", "COLLECTIONS")
    ]
    for script, privileges, user in (("mongodb.js", [ours], "billie"), ("analyst.js", theirs, "ann")):
        role = constant(script, "NAME")
        database.command("createRole", role, privileges=privileges, roles=[])
        database.command("createUser", user, pwd=PASSWORD, roles=[role])
    role = {"role": constant("mongodb.js", "NAME"), "db": DATABASE}
    client["$external"].command("createUser", "CN=billie,OU=clients,O=test", roles=[role])


@contextmanager
def secured_postgres(authority: Authority) -> Iterator[str]:
    """The URL of the event store, with ``USER`` in the place of ``user:password@``."""
    with cluster_of_tests() as cluster:
        data, certificate = cluster._data, authority.issue("servers").read_bytes()
        tls = data / "server.pem"
        tls.touch(0o600)
        tls.write_bytes(certificate)
        shutil.chown(tls, data.owner(), data.group())
        with (data / "postgresql.conf").open("a") as settings:
            settings.write("\nssl = on\nssl_cert_file = 'server.pem'\nssl_key_file = 'server.pem'\n")
        (data / "pg_hba.conf").write_text("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
        cluster.stop()
        cluster.start()
        socket_of = {"host": str(data.parent), "port": cluster._port}
        with psycopg.connect(**socket_of, user="billie", dbname="postgres", autocommit=True) as connection:
            connection.execute("CREATE ROLE administrator SUPERUSER LOGIN")
        administrator = {**socket_of, "user": "administrator"}
        with psycopg.connect(**administrator, dbname="postgres", autocommit=True) as connection:
            connection.execute("ALTER ROLE billie RENAME TO first")
        address = f"postgresql://administrator@/postgres?host={data.parent}&port={cluster._port}"
        script = ("-v", "ON_ERROR_STOP=1", "-f", str(RIGHTS / "postgresql.sql"))
        psql = shutil.which("psql") or cluster._programs / "psql"
        subprocess.run([psql, "-X", "-q", *script, address], check=True)
        with psycopg.connect(**administrator, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"ALTER ROLE billie PASSWORD '{PASSWORD}'".encode())
        yield (
            f"postgresql://USER127.0.0.1:{cluster._port}/billie?sslmode=verify-full&sslrootcert={authority.file}"
        )

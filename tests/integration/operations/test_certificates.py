"""Certificates that end, or that a client refuses: what ``billie`` says, with real servers behind TLS."""

import re
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest

from app.operations.doctor.certificates import file_certificates
from app.operations.doctor.check import Check, Verdict
from app.operations.doctor.doctor import examine
from app.operations.servers import Servers
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.servers.certificates import Authority
from tests.support.servers.proxies import proxy
from tests.support.servers.scripted_ledger import scripted_ledger
from tests.support.servers.secured import server_context

SERVERS = {
    "redis": ("redis_url", "ssl_ca_certs={}", "dead-letters list"),
    "mongodb": ("mongo_url", "directConnection=true&tls=true&tlsCAFile={}", "migrate"),
    "event_store": ("event_store_url", "sslmode=verify-full&sslrootcert={}", "project --drain"),
}
"""The setting, the options of its URL, and a command that needs no other server first."""
HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), timedelta(days=365)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def plain(settings: Settings, postgres_url: str) -> Settings:
    return settings.model_copy(update={"event_store_url": postgres_url})


@contextmanager
def behind_tls(plain: Settings, server: str, certificate: Path, trusted: Path) -> Iterator[Settings]:
    """The settings, with a server that has this certificate, and a client that trusts that authority."""
    setting, options, _ = SERVERS[server]
    url = getattr(plain, setting).partition("?")[0]
    parts = urlsplit(url)
    assert parts.port is not None
    with proxy(parts.port, server_context(certificate), asked_for=server == "event_store") as secured:
        place = url.replace("redis://", "rediss://").replace(str(parts.port), str(secured.port))
        yield plain.model_copy(update={setting: f"{place}?{options.format(trusted)}"})


def examined(settings: Settings) -> dict[str, Check]:
    with closing(Servers(settings)) as servers:
        return {check.name: check for check in examine(servers)}


@pytest.mark.parametrize("server", SERVERS)
def test_a_servers_certificate_is_reported_weeks_before_its_end(
    server: str, plain: Settings, authority: Authority
) -> None:
    found = {}
    for days in (31, 29, 6):
        certificate = authority.issue("servers", age=YEAR, left=days * DAY + HOUR)
        with behind_tls(plain, server, certificate, authority.file) as settings:
            found[days] = examined(settings)[f"{server}.certificate"]
    assert [found[days].verdict for days in found] == [Verdict.OK, Verdict.WARNING, Verdict.FAILED]
    assert "127.0.0.1:" in found[29].detail
    assert "ends on 20" in found[29].detail
    assert found[6].advice == "Renew it: nothing connects after its end."


def test_the_ledgers_certificate_is_reported_too(settings: Settings, authority: Authority) -> None:
    pem = authority.issue("servers", age=YEAR, left=29 * DAY).read_bytes()
    with scripted_ledger({}, credentials=grpc.ssl_server_credentials([(pem, pem)])) as ledger:
        over_tls = {"ledger_target": ledger.target, "ledger_tls": True, "ledger_ca_file": authority.file}
        checks = examined(settings.model_copy(update=over_tls))
    assert checks["ledger.connection"].verdict is Verdict.OK
    assert checks["ledger.certificate"].verdict is Verdict.WARNING
    assert checks["settings.certificate"].detail.startswith("BILLIE_LEDGER_CA_FILE: valid until 20")


def test_an_ended_certificate_that_nobody_checks_is_a_failure(plain: Settings, authority: Authority) -> None:
    ended = authority.issue("servers", age=YEAR, left=-HOUR)
    with behind_tls(plain, "event_store", ended, authority.file) as settings:
        unchecked = settings.event_store_url.partition("?")[0] + "?sslmode=require"
        check = examined(settings.model_copy(update={"event_store_url": unchecked}))[
            "event_store.certificate"
        ]
    assert check.verdict is Verdict.FAILED
    assert "ended on 20" in check.detail


def test_a_server_that_asks_for_a_clients_certificate_shows_its_own(
    settings: Settings, authority: Authority
) -> None:
    own, context = authority.issue("clients", "billie"), server_context(authority.issue("servers", age=DAY))
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    with proxy(urlsplit(settings.redis_url).port or 0, context) as secured:
        options = f"ssl_ca_certs={authority.file}&ssl_certfile={own}&ssl_keyfile={own}"
        url = f"rediss://127.0.0.1:{secured.port}/0?{options}"
        checks = examined(settings.model_copy(update={"redis_url": url}))
    assert checks["redis.connection"].verdict is Verdict.OK
    assert checks["redis.certificate"].verdict is Verdict.OK


def test_the_systems_own_authorities_are_no_file() -> None:
    url = "postgresql://billie@events.example/billie?sslmode=verify-full&sslrootcert=system"
    assert list(file_certificates(Settings(event_store_url=url))) == []


@pytest.mark.parametrize(
    ("life", "left", "verdict"),
    [
        (90 * DAY, 29 * DAY, Verdict.OK),
        (90 * DAY, 22 * DAY, Verdict.WARNING),
        (90 * DAY, 6 * DAY, Verdict.FAILED),
        (DAY, 7 * HOUR, Verdict.OK),
        (DAY, 5 * HOUR, Verdict.WARNING),
        (DAY, HOUR, Verdict.FAILED),
    ],
)
def test_a_short_lived_certificate_is_reported_by_the_share_of_its_life_that_is_left(
    life: timedelta, left: timedelta, verdict: Verdict, authority: Authority
) -> None:
    own = authority.issue("clients", "billie", age=life - left, left=left)
    url = f"mongodb://127.0.0.1/?tls=true&tlsCAFile={authority.file}&tlsCertificateKeyFile={own}"
    mine, authoritys = file_certificates(Settings(mongo_url=url))
    assert (mine.verdict, authoritys.verdict) == (verdict, Verdict.OK)
    assert mine.detail.startswith("tlsCertificateKeyFile of BILLIE_MONGO_URL: ")


def test_an_authoritys_successor_in_the_same_file_counts(authority: Authority, tmp_path: Path) -> None:
    old, both = authority.issue("authorities", age=YEAR, left=DAY), tmp_path / "both.pem"
    both.write_bytes(old.read_bytes() + authority.file.read_bytes())
    for file, verdict in ((old, Verdict.FAILED), (both, Verdict.OK)):
        [check] = file_certificates(Settings(redis_url=f"rediss://127.0.0.1?ssl_ca_certs={file}"))
        assert check.verdict is verdict


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("fault", "because"),
    [
        ("an unknown authority", "certificate verify failed"),
        ("another name", r"not valid for '127.0.0.1'|does not match host name"),
        ("an ended one", "certificate has expired|certificate verify failed"),
    ],
)
def test_a_certificate_that_is_refused_is_named_with_its_reason(
    server: str, fault: str, because: str, plain: Settings, authority: Authority, tmp_path: Path
) -> None:
    certificate, trusted = authority.issue("servers"), authority.file
    if fault == "an unknown authority":
        trusted = Authority(tmp_path, "another authority").file
    elif fault == "another name":
        certificate = authority.issue("servers", "another.example")
    else:
        certificate = authority.issue("servers", age=YEAR, left=-HOUR)
    setting, _, command = SERVERS[server]
    with behind_tls(plain, server, certificate, trusted) as settings:
        billie = Billie.of(settings)
        for arguments in (command.split(), ["doctor"], ["status"]):
            done = billie.end(*arguments)
            said = " ".join((done.stdout + done.stderr).split())
            assert done.returncode == 3, said
            assert re.search(because, said), said
            assert str(urlsplit(getattr(settings, setting)).port) in said
            assert f"Check BILLIE_{setting.upper()}" in said
            assert "Traceback" not in said


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("content", "because"), [(None, "No such file"), ("?", "no certificate or crl found")]
)
def test_a_file_without_a_certificate_is_a_wrong_setting(
    server: str, content: str | None, because: str, plain: Settings, tmp_path: Path
) -> None:
    setting, options, command = SERVERS[server]
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_text(content)
    url = f"{getattr(plain, setting).partition('?')[0]}?{options.format(file)}"
    for arguments in (command.split(), ["doctor"]):
        done = Billie.of(plain).end(*arguments, **{f"BILLIE_{setting.upper()}": url})
        assert done.returncode == 2
        assert done.stderr.startswith(f"BILLIE_{setting.upper()}: ")
        assert f"{file}: " in done.stderr
        assert because in done.stderr
        assert "Traceback" not in done.stderr

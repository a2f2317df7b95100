"""When certificates end: those of servers that speak TLS, and those in the files that settings name."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.x509 import Certificate, load_der_x509_certificate, load_pem_x509_certificates

from app.operations.doctor.check import Check, failed, warning, well
from app.operations.servers import TIMEOUT_S
from app.runtime.observability.logging import in_short
from app.runtime.settings.settings import Settings
from app.runtime.settings.stores import AUTHORITIES, OWN_CERTIFICATES, named_files

_SOON, _SOON_SHARE = timedelta(days=30), 4
_NOW, _NOW_SHARE = timedelta(days=7), 12
"""A short-lived certificate is renewed late: a share of its life is left by then."""
_POSTGRES_TLS_REQUEST = bytes.fromhex("00000008 04d2162f")


def server_certificate(server: str, host: str, port: int) -> Check:
    """Of the server at an address. Whether we trust it, its client has found out."""
    name, context = f"{server}.certificate", ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), TIMEOUT_S) as plain:
            if server == "event_store":
                plain.sendall(_POSTGRES_TLS_REQUEST)
                plain.recv(1)
            with context.wrap_socket(plain, server_hostname=host) as secured:
                found = secured.getpeercert(binary_form=True)
    except OSError as error:
        advice = "Look at it with `openssl s_client`."
        return warning(name, f"{host}:{port}: cannot be read: {in_short(error)}", advice)
    assert found is not None, "a TLS server has a certificate"
    return _judged(name, f"{host}:{port}", load_der_x509_certificate(found))


def file_certificates(settings: Settings) -> Iterator[Check]:
    """Of clients and authorities. Of an authority, a file may hold the next certificate too."""
    files = [
        (f"{option} of BILLIE_{name.upper()}", file, options is OWN_CERTIFICATES)
        for name in ("redis_url", "event_store_url", "mongo_url")
        for options in (OWN_CERTIFICATES, AUTHORITIES)
        for option, file in named_files(getattr(settings, name), options)
    ]
    if settings.ledger_ca_file is not None:
        files.append(("BILLIE_LEDGER_CA_FILE", str(settings.ledger_ca_file), False))
    for named, file, is_own in files:
        try:
            found = load_pem_x509_certificates(Path(file).read_bytes())
        except (OSError, ValueError) as error:
            yield failed("settings.certificate", f"{named}: {in_short(error)}", "Name a PEM file.")
        else:
            last = found[0] if is_own else max(found, key=lambda each: each.not_valid_after_utc)
            yield _judged("settings.certificate", named, last)


def _judged(name: str, whose: str, certificate: Certificate) -> Check:
    ends = certificate.not_valid_after_utc
    life, left = ends - certificate.not_valid_before_utc, ends - datetime.now(UTC)
    if left > min(_SOON, life / _SOON_SHARE):
        return well(name, f"{whose}: valid until {ends:%Y-%m-%d}")
    ending = f"{whose}: {'ended' if left < timedelta(0) else 'ends'} on {ends:%Y-%m-%d %H:%M} UTC"
    judged = failed if left <= min(_NOW, life / _NOW_SHARE) else warning
    return judged(name, ending, "Renew it: nothing connects after its end.")

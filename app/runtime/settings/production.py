"""What a process refuses with ``BILLIE_ENV=production``: what is fine on a laptop, and nowhere else."""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from app.runtime.settings.loopback import host_of, is_local
from app.runtime.settings.settings import Settings

DEVELOPMENT_ONLY = {
    "ledger-sandbox": "The sandbox ledger moves no money",
    "demo": "The demo has a sandbox ledger and makes its own tokens",
    "token": "Tokens that anybody with the secret can make are for development: they come from the issuer",
}
"""Commands that production does not have, and why."""

_SHELTER = "or, where something else encrypts on the way, name the host in BILLIE_PLAINTEXT_HOSTS"


class Refusal(NamedTuple):
    """A setting, why production cannot have it as it is, and what to do. No values: they may be secret."""

    setting: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.why}. {self.remedy}."


class _Place(NamedTuple):
    """Where a URL leads: its hosts, without those on this machine, and its options by names in lower case."""

    scheme: str
    hosts: tuple[str, ...]
    options: dict[str, str]

    def says(self, *names: str, value: str = "true") -> bool:
        return any(self.options.get(name.lower()) == value for name in names)


def refusals(settings: Settings, command: str) -> list[Refusal]:
    """All that keep ``billie command`` from starting: none, outside production."""
    if settings.env != "production":
        return []
    if command in DEVELOPMENT_ONLY:
        return [Refusal("BILLIE_ENV", f"production has no `billie {command}`", DEVELOPMENT_ONLY[command])]
    serves = command == "api"
    return [*_servers(settings), *_ledger(settings, serves=serves), *_signing_in(settings, serves=serves)]


def _servers(settings: Settings) -> Iterator[Refusal]:
    name, place = "BILLIE_REDIS_URL", _place(settings, settings.redis_url)
    if place.scheme == "redis" and place.hosts:
        yield _plain(name, place, "Begin it with rediss://")
    elif place.says("ssl_cert_reqs", value="none"):
        yield _unchecked(name, "ssl_cert_reqs=none", "ssl_ca_certs=FILE")
    name, place = "BILLIE_MONGO_URL", _place(settings, settings.mongo_url)
    is_plain = place.scheme != "mongodb+srv" and not place.says("tls", "ssl")
    if place.hosts and (is_plain or place.says("tls", "ssl", value="false")):
        yield _plain(name, place, "Add tls=true to its options")
    for option in ("tlsInsecure", "tlsAllowInvalidCertificates", "tlsAllowInvalidHostnames"):
        if place.says(option):
            yield _unchecked(name, option, "tlsCAFile=FILE")
    place = _place(settings, settings.event_store_url)
    is_encrypted = place.options.get("sslmode") in ("require", "verify-ca", "verify-full")
    if place.scheme in ("postgresql", "postgres") and place.hosts and not is_encrypted:
        yield _plain("BILLIE_EVENT_STORE_URL", place, "Add sslmode=verify-full, or at least sslmode=require")
    place = _place(settings, settings.otlp_endpoint or "")
    if place.scheme == "http" and place.hosts:
        yield _plain("BILLIE_OTLP_ENDPOINT", place, "Begin it with https://")


def _ledger(settings: Settings, *, serves: bool) -> Iterator[Refusal]:
    if serves and not (settings.ledger_target and "ledger_target" in settings.model_fields_set):
        yield Refusal(
            "BILLIE_LEDGER_TARGET",
            "it is not set, and its default is where a sandbox ledger listens",
            "Set the ledger's host and port",
        )
    host = host_of(settings.ledger_target)
    if not settings.ledger_tls and not _is_sheltered(settings, host):
        yield Refusal(
            "BILLIE_LEDGER_TLS", f"calls to {host} would travel in plain text", f"Set it to true, {_SHELTER}"
        )


def _signing_in(settings: Settings, *, serves: bool) -> Iterator[Refusal]:
    if settings.jwt_secret is not None and settings.jwt_secret.get_secret_value():
        yield Refusal(
            "BILLIE_JWT_SECRET",
            "signing in by a shared secret is for development: the verifier of tokens can make them",
            "Unset it, and set BILLIE_JWKS_URL, BILLIE_JWT_ISSUER and BILLIE_JWT_AUDIENCE",
        )
    if serves and not settings.jwks_url:
        yield Refusal(
            "BILLIE_JWKS_URL",
            "without the issuer's keys nobody can be authenticated",
            "Set it, with BILLIE_JWT_ISSUER and BILLIE_JWT_AUDIENCE",
        )
    if serves and settings.console == "development":
        yield Refusal(
            "BILLIE_CONSOLE",
            "the development sign-in asks for no password: anybody could sign in as anybody",
            "Set it to oidc, or to off",
        )
    console = urlsplit(settings.console_url or "")
    if serves and settings.console == "oidc" and console.scheme == "http":
        yield Refusal(
            "BILLIE_CONSOLE_URL",
            "sessions of staff, and what they read, would travel in plain text",
            "Begin it with https://, and have TLS end in front of the API",
        )
    # That it is https is checked everywhere: keys that others can change are no keys.
    for origin in settings.cors_origins:
        parts = urlsplit(origin)
        if parts.scheme == "http" and not is_local(parts.hostname or ""):
            yield Refusal(
                "BILLIE_CORS_ORIGINS",
                f"others on the way can change the pages of {origin}, which hold callers' tokens",
                "Name https:// origins",
            )


def _is_sheltered(settings: Settings, host: str) -> bool:
    """Whether plain text to this host is safe: it is this machine, or something else encrypts."""
    return is_local(host) or host in settings.plaintext_hosts


def _place(settings: Settings, url: str) -> _Place:
    parts = urlsplit(url)
    options = {name.lower(): values[-1].lower() for name, values in parse_qs(parts.query).items()}
    places = [] if parts.scheme in ("unix", "sqlite") else parts.netloc.rpartition("@")[2].split(",")
    # A Unix socket is written as a path.
    hosts = [host_of(place) for each in places if not (place := unquote(each)).startswith("/")]
    return _Place(parts.scheme, tuple(each for each in hosts if not _is_sheltered(settings, each)), options)


def _plain(setting: str, place: _Place, remedy: str) -> Refusal:
    where = ", ".join(place.hosts)
    return Refusal(setting, f"what goes to {where} would travel in plain text", f"{remedy}, {_SHELTER}")


def _unchecked(setting: str, option: str, remedy: str) -> Refusal:
    why = f"{option} turns off the check of the server's certificate"
    return Refusal(setting, why, f"Take it out; {remedy} names an authority of your own")

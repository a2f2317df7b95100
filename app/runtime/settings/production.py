"""What a process refuses with ``BILLIE_ENV=production``: what is fine on a laptop, and nowhere else."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from app.runtime.settings.loopback import host_of, is_local
from app.runtime.settings.settings import Settings

DEVELOPMENT_ONLY = {
    "ledger-sandbox": "the sandbox ledger moves no money",
    "demo": "the demo has a sandbox ledger and makes its own tokens",
    "token": "tokens that anybody with the secret can make are for development: they come from the issuer",
}
"""Commands that production does not have, and why."""

_SHELTER = "or, where something else encrypts on the way, name the host in BILLIE_PLAINTEXT_HOSTS"


@dataclass(frozen=True)
class Refusal:
    """A setting, why production cannot have it as it is, and what to do. No values: they may be secret."""

    setting: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.why}. {self.remedy}."


@dataclass(frozen=True)
class _Place:
    """Where a URL leads: its hosts, without those on this machine, and its options by names in lower case."""

    scheme: str
    hosts: tuple[str, ...]
    options: dict[str, str]

    def says(self, *names: str, value: str = "true") -> bool:
        return any(self.options.get(name) == value for name in names)


def refusals(settings: Settings, command: str) -> list[Refusal]:
    """All that keep ``billie command`` from starting: none, outside production."""
    return list(_refusals(settings, command)) if settings.env == "production" else []


def _refusals(settings: Settings, command: str) -> Iterator[Refusal]:
    if command in DEVELOPMENT_ONLY:
        yield Refusal("BILLIE_ENV", f"production has no `billie {command}`", _sentence(command))
        return
    yield from _redis(settings)
    yield from _mongo(settings)
    yield from _event_store(settings)
    yield from _traces(settings)
    yield from _ledger(settings, serves=command == "api")
    yield from _signing_in(settings, serves=command == "api")


def _redis(settings: Settings) -> Iterator[Refusal]:
    name, place = "BILLIE_REDIS_URL", _place(settings, settings.redis_url)
    if place.scheme == "redis" and place.hosts:
        yield _plain(name, place, "Begin it with rediss://")
    elif place.says("ssl_cert_reqs", value="none"):
        yield _unchecked(name, "ssl_cert_reqs=none", "ssl_ca_certs=FILE")


def _mongo(settings: Settings) -> Iterator[Refusal]:
    name, place = "BILLIE_MONGO_URL", _place(settings, settings.mongo_url)
    off = place.says("tls", "ssl", value="false")
    encrypted = not off and (place.scheme == "mongodb+srv" or place.says("tls", "ssl"))
    unchecked = ("tlsInsecure", "tlsAllowInvalidCertificates", "tlsAllowInvalidHostnames")
    if not encrypted and place.hosts:
        yield _plain(name, place, "Add tls=true to its options")
    for option in unchecked:
        if place.says(option.lower()):
            yield _unchecked(name, option, "tlsCAFile=FILE")


def _event_store(settings: Settings) -> Iterator[Refusal]:
    place = _place(settings, settings.event_store_url)
    if place.scheme not in ("postgresql", "postgres"):
        return  # A file.
    mode = place.options.get("sslmode")
    if place.hosts and mode not in ("require", "verify-ca", "verify-full"):
        yield _plain("BILLIE_EVENT_STORE_URL", place, "Add sslmode=verify-full, or at least sslmode=require")


def _traces(settings: Settings) -> Iterator[Refusal]:
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
    if not settings.ledger_tls and not is_sheltered(settings, host):
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


def is_sheltered(settings: Settings, host: str) -> bool:
    """Whether plain text to this host is safe: it is this machine, or something else encrypts."""
    return is_local(host) or host in settings.plaintext_hosts


def _place(settings: Settings, url: str) -> _Place:
    parts = urlsplit(url)
    options = {name.lower(): values[-1].lower() for name, values in parse_qs(parts.query).items()}
    if parts.scheme in ("unix", "sqlite"):
        return _Place(parts.scheme, (), options)
    places = parts.netloc.rpartition("@")[2]
    hosts = (_host(each) for each in places.split(","))
    return _Place(parts.scheme, tuple(each for each in hosts if not is_sheltered(settings, each)), options)


def _host(place: str) -> str:
    """The host of ``host:port``; "" of a Unix socket, which is written as a path."""
    place = unquote(place)
    return "" if place.startswith("/") else host_of(place)


def _plain(setting: str, place: _Place, remedy: str) -> Refusal:
    where = ", ".join(place.hosts)
    return Refusal(setting, f"what goes to {where} would travel in plain text", f"{remedy}, {_SHELTER}")


def _unchecked(setting: str, option: str, remedy: str) -> Refusal:
    why = f"{option} turns off the check of the server's certificate"
    return Refusal(setting, why, f"Take it out; {remedy} names an authority of your own")


def _sentence(command: str) -> str:
    why = DEVELOPMENT_ONLY[command]
    return why[0].upper() + why[1:]

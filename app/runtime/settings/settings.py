"""Every setting of the system, read from the environment with the prefix ``BILLIE_``."""

import os
import re
from base64 import b64decode
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from app.privacy.master_keys import KEY_BYTES, MasterKeys
from app.runtime.settings.empty_variables import FilledVariables
from app.runtime.settings.secret_files import SecretFiles

_SCHEMES = {
    "redis_url": ("redis://", "rediss://", "unix://"),
    "mongo_url": ("mongodb://", "mongodb+srv://"),
    "otlp_endpoint": ("http://", "https://"),
}
_ORIGIN = re.compile(r"https?://[a-z0-9.\-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")
"""As browsers send it: in lower case, without a path."""
_PLACE = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(:[0-9]{1,5})?")
_HOST = re.compile(r"[a-z0-9_.\-]+|[0-9a-f:]+")


class Settings(BaseSettings):
    """The settings of one process. Each field is the variable ``BILLIE_<FIELD>``, in capitals.

    Secrets may come from files, by ``BILLIE_<FIELD>_FILE``. Raises SecretFileError where one cannot be used.
    An optional one that is empty is unset, but for GUARDS.
    """

    model_config = SettingsConfigDict(env_prefix="BILLIE_", extra="ignore")

    env: Literal["development", "production"] = Field(
        "development", description="In production, processes refuse to start with what is open to others."
    )
    plaintext_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts, with commas between, that production may speak to in plain text, "
        "because a service mesh or a private network encrypts or shelters it.",
    )
    redis_url: str = "redis://127.0.0.1:6379/0"
    inbox_stream: str = "inbox:billie-srv"
    consumer_group: str = "billie-servicing-processor"
    consumer_name: str | None = Field(
        None,
        description="Name of this host's first consumer; the host's if unset. The next ones get -2, -3, …",
    )
    dead_letter_stream: str = "dlq:billie-srv"
    mongo_url: str = "mongodb://127.0.0.1:27017"
    mongo_db: str = "billie-servicing"
    event_store_url: str = "sqlite:///var/events.db"
    master_key: SecretStr | None = Field(
        None,
        description="32 bytes in Base64, to wrap the event store's data keys; unset: nothing is encrypted.",
    )
    master_key_previous: SecretStr | None = Field(
        None, description="The master key of before, until `billie keys rotate` is done."
    )
    ledger_target: str = "127.0.0.1:50051"
    ledger_tls: bool = False
    ledger_ca_file: Path | None = Field(
        None,
        description="PEM of the authorities that the ledger's certificate comes from; unset: the system's.",
    )
    ledger_token: SecretStr | None = Field(
        None, description="Sent as a bearer token with each call; not in plain text to another machine."
    )
    ledger_read_seconds: float = Field(2, gt=0, le=60, description="Deadline of a read, with its retries.")
    ledger_write_seconds: float = Field(
        10, gt=0, le=300, description="Deadline of a write; after it, its outcome is unknown."
    )
    ledger_watch_seconds: float = Field(
        3_600, gt=0, description="A stream of transactions ends after so long; its reader resumes it."
    )
    ledger_heartbeat_seconds: float = Field(
        15, gt=0, description="Silence after which a stream of transactions gets a comment."
    )
    ledger_keepalive_seconds: float = Field(
        330, ge=10, description="Between pings of a connection in use; many servers refuse less than 300."
    )
    api_host: str = "127.0.0.1"
    api_port: int = Field(8000, ge=0, le=65535)
    api_connections: int = Field(500, ge=1, description="Connections at once; more are answered 503.")
    api_header_bytes: int = Field(
        32 * 1024, ge=1024, description="Of a request's first line and headers; more: 431."
    )
    api_head_seconds: float = Field(10, gt=0, description="In which a request's headers have to arrive.")
    api_request_seconds: float = Field(30, gt=0, description="In which a whole request has to arrive.")
    api_stall_seconds: float = Field(
        30, gt=0, description="A client that takes nothing of an answer for so long is cut off."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins whose web pages may call the API, with commas between; none unless set."
    )
    changes_listeners: int = Field(
        200, ge=1, description="Streams of changes at once to one process; more are answered 503."
    )
    changes_heartbeat_seconds: float = Field(
        15, gt=0, description="Silence after which a stream of changes gets a comment."
    )
    changes_seconds: float = Field(
        3_600, gt=0, description="A stream of changes ends after so long; its reader resumes it."
    )
    jwt_secret: SecretStr | None = Field(
        None, description="Of HS256, for development: whoever checks tokens can make them."
    )
    jwks_url: str | None = Field(
        None, description="The issuer's public keys (RS256, ES256); the secret counts for nothing then."
    )
    jwt_issuer: str | None = Field(None, description="What `iss` has to be; a must with jwks_url.")
    jwt_audience: str | None = Field(None, description="What `aud` has to hold; a must with jwks_url.")
    jwt_role_claim: str = Field(
        "role",
        min_length=1,
        description="The claim, or path (realm_access.roles), with the role, or a list: the highest counts.",
    )
    jwt_machine_claim: str | None = Field(
        None, min_length=1, description="A claim that only a machine's token has: NAME, or NAME=VALUE."
    )
    jwks_refresh_seconds: float = Field(300, gt=0, description="Age at which keys are fetched anew.")
    jwks_pause_seconds: float = Field(
        10, gt=0, description="Between fetches for the sake of an unknown key: rotation may wait for so long."
    )
    jwks_outage_hours: float = Field(
        24, gt=0, description="For so long keys are trusted while their issuer cannot be reached."
    )
    console: Literal["off", "development", "oidc"] = Field(
        "off",
        description="The console, under `/`, by its way to sign in: none; `development`, where anybody takes "
        "any name and role; or `oidc`, at the issuer.",
    )
    console_url: str | None = Field(
        None, description="Where browsers find the console: https://desk.example; a must with `oidc`."
    )
    session_secret: SecretStr | None = Field(
        None,
        description="Signs the console's sessions, the same in each API process; a must with `oidc`. "
        "Unset: one of the process's own, and its sessions end with it.",
    )
    session_hours: float = Field(
        8, gt=0, le=24, description="After that, staff sign in again: until then, their role counts."
    )
    oidc_client_id: str | None = Field(
        None, min_length=1, description="The console at the issuer BILLIE_JWT_ISSUER; a must with `oidc`."
    )
    oidc_client_secret: SecretStr | None = Field(
        None, description="Of that client; unset for a public client, which PKCE alone protects."
    )
    rate_per_second: float = Field(
        50,
        ge=0,
        description="Requests a second of one caller to one process, over time; 0: any number.",
    )
    rate_burst: int = Field(200, ge=1, description="Requests of one caller at once, after a rest.")

    ingest_batch: int = Field(2_000, ge=1, le=10_000, description="Entries read from the stream at once.")
    project_batch: int = Field(2_000, ge=1, le=100_000, description="Events folded at once.")
    poll_ms: int = Field(50, ge=1, le=60_000, description="Wait between looks at an idle event store.")
    max_message_bytes: int = Field(256 * 1024, ge=1024)
    max_deliveries: int = Field(5, ge=1)
    claim_idle_ms: int = Field(
        60_000, ge=1, description="Idle time after which another consumer's entry is taken."
    )
    forget_consumer_hours: float = Field(
        24, gt=0, description="Idle hours after which a consumer with nothing pending is removed."
    )
    trim_after_hours: float | None = Field(
        None, gt=0, description="Acknowledged entries older than this are trimmed; unset: never."
    )
    quiet_seconds: float | None = Field(
        None, gt=0, description="Silence of the stream that is a problem; unset: learnt from days before."
    )
    conversation_max_utterances: int = Field(2_000, ge=1)
    conversation_max_notices: int = Field(500, ge=1)
    log_format: Literal["text", "json"] = Field(
        "text", description="A line a record: text for people, or JSON for whoever collects logs."
    )
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="Each process's own, for Prometheus; 0: any free one; unset: none."
    )
    otlp_endpoint: str | None = Field(
        default_factory=lambda: os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None,
        description="Where traces go, OTLP over HTTP: http://collector:4318; unset: nowhere.",
    )
    trace_share: float = Field(
        0.05, ge=0, le=1, description="Of messages, and of requests of nobody's trace, those that are traced."
    )
    business_time_zone: str = Field(
        "Australia/Sydney",
        description="Whose days and months read models count by. After a change, rebuild these.",
    )
    aggregate_cache: int = Field(
        20_000,
        ge=0,
        description="Aggregates kept in memory by an ingest process; fewer, where they had many messages.",
    )

    money_most_amount: Decimal = Field(
        Decimal(100_000), gt=0, description="The largest amount of one money command, AUD."
    )
    adjustment_limit: Decimal = Field(
        Decimal(500), ge=0, description="An adjustment beyond this, AUD, takes a second person."
    )
    adjustment_limit_days: int = Field(
        30, ge=1, le=366, description="So long one person's adjustments of a loan count together."
    )
    write_off_limit_supervisor: Decimal | None = Field(
        Decimal(5_000), ge=0, description="What a supervisor may approve, AUD."
    )
    write_off_limit_admin: Decimal | None = Field(
        None, ge=0, description="What an admin may approve, AUD; unset: any amount."
    )
    ledger_key_hours: float = Field(
        23,
        gt=0,
        lt=24,
        description="For so long an unknown command is sent again: the ledger forgets keys.",
    )
    settle_after_seconds: float = Field(
        30, gt=0, description="After that, a command without an outcome counts as lost, and is sent again."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the program says, then the environment, then the files that the environment names."""
        return init_settings, FilledVariables(settings_cls), SecretFiles(settings_cls)

    @field_validator("ledger_ca_file", mode="before")
    @classmethod
    def _names_a_file(cls, told: object) -> object:
        """Empty it would be the folder, and unset the system's authorities: neither is meant."""
        if told == "":
            msg = "it names no file"
            raise ValueError(msg)
        return told

    @field_validator("business_time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            msg = f"{name!r} is no time zone of the IANA database, such as 'Australia/Sydney'"
            raise ValueError(msg) from None
        return name

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _exact_origins(cls, told: object) -> object:
        origins = _parts(told)
        if not isinstance(origins, tuple):
            return told
        for each in origins:
            if "*" in each:
                msg = "a * would let any page ask with a token that it got hold of: name each origin"
                raise ValueError(msg)
            if not _ORIGIN.fullmatch(each):
                msg = f"{each!r} is no origin, such as https://desk.example or http://localhost:3000"
                raise ValueError(msg)
        return origins

    @field_validator("master_key", "master_key_previous")
    @classmethod
    def _whole_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(_bytes(key) or b"") != KEY_BYTES:
            msg = f"is not {KEY_BYTES} bytes in Base64: make one with `openssl rand -base64 {KEY_BYTES}`"
            raise ValueError(msg)
        return key

    @field_validator("console_url")
    @classmethod
    def _an_origin(cls, url: str | None) -> str | None:
        if url is not None and not _ORIGIN.fullmatch(url := url.rstrip("/")):
            msg = f"{url!r} is no origin, such as https://desk.example: without a path, in lower case"
            raise ValueError(msg)
        return url

    @property
    def masters(self) -> MasterKeys:
        """The master keys that the event store's data keys are wrapped by."""
        return MasterKeys(_bytes(self.master_key), _bytes(self.master_key_previous))

    @field_validator("plaintext_hosts", mode="before")
    @classmethod
    def _exact_hosts(cls, told: object) -> object:
        hosts = _parts(told)
        for each in hosts if isinstance(hosts, tuple) else ():
            if not _HOST.fullmatch(each):
                msg = f"{each!r} is no host, such as redis or 10.0.0.7: without scheme, port and *"
                raise ValueError(msg)
        return hosts

    @field_validator("redis_url", "mongo_url", "event_store_url", "otlp_endpoint")
    @classmethod
    def _known_scheme(cls, url: str | None, info: ValidationInfo) -> str | None:
        if url is None:
            return None
        # Without the URL in what is said: it may hold a password.
        schemes = _SCHEMES.get(str(info.field_name))
        if schemes and not url.startswith(schemes):
            msg = f"begins with none of {', '.join(schemes)}"
            raise ValueError(msg)
        try:
            parts = urlsplit(url)
        except ValueError:
            msg = "is no URL: its host cannot be read"
            raise ValueError(msg) from None
        places = parts.netloc.rpartition("@")[2].split(",")
        if schemes and ("@" in parts.path or not all(_PLACE.fullmatch(each) for each in places)):
            msg = (
                "is no URL: a host or a port cannot be read. "
                "In a user or a password, write / as %2F, ? as %3F, # as %23 and @ as %40"
            )
            raise ValueError(msg)
        return url


def _parts(told: object) -> object:
    """The parts of a text with commas between, as a tuple; anything but text or a list as it is."""
    parts = [each.strip() for each in told.split(",")] if isinstance(told, str) else told
    return tuple(each for each in parts if each) if isinstance(parts, list | tuple) else told


def _bytes(key: SecretStr | None) -> bytes | None:
    """None where there is none, or where it is no Base64."""
    try:
        return None if key is None else b64decode(key.get_secret_value(), validate=True)
    except ValueError:
        return None


@lru_cache
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()

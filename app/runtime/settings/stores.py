"""Settings of Redis, MongoDB, the event store and its keys, and of where traces go."""

import os
import re
import ssl
from base64 import b64decode
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator

_SCHEMES = {
    "redis_url": ("redis://", "rediss://", "unix://"),
    "mongo_url": ("mongodb://", "mongodb+srv://"),
    "otlp_endpoint": ("http://", "https://"),
}
OWN_CERTIFICATES = ("tlscertificatekeyfile", "ssl_certfile", "sslcert")
AUTHORITIES = ("tlscafile", "ssl_ca_certs", "sslrootcert")
"""Options of URLs that name files, in lower case. ``sslrootcert=system`` names none."""
_PLACE = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(:[0-9]{1,5})?")
_KEY_BYTES = 32


class StoreSettings(BaseModel):
    """Where messages come from, and where events, documents and traces go."""

    redis_url: str = "redis://127.0.0.1:6379/0"
    inbox_stream: str = "inbox:billie-srv"
    consumer_group: str = "billie-servicing-processor"
    consumer_name: str | None = Field(
        None, description="Name of this host's first consumer, by default the host's. Others get -2, -3, …"
    )
    dead_letter_stream: str = "dlq:billie-srv"
    mongo_url: str = "mongodb://127.0.0.1:27017"
    mongo_db: str = "billie-servicing"
    event_store_url: str = "sqlite:///var/events.db"
    master_key: SecretStr | None = Field(
        None, description="32 bytes in Base64 that wrap the event store's data keys. Unset: no encryption."
    )
    master_key_previous: SecretStr | None = Field(
        None, description="The previous master key, until `billie keys rotate` is done."
    )
    otlp_endpoint: str | None = Field(
        default_factory=lambda: os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None,
        description="Receiver of traces, OTLP over HTTP: http://collector:4318. Unset: no traces.",
    )

    @property
    def master_keys(self) -> tuple[bytes | None, bytes | None]:
        """The master key and the previous one."""
        return _bytes(self.master_key), _bytes(self.master_key_previous)

    @field_validator("master_key", "master_key_previous")
    @classmethod
    def _whole_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(_bytes(key) or b"") != _KEY_BYTES:
            msg = f"is not {_KEY_BYTES} bytes in Base64: make one with `openssl rand -base64 {_KEY_BYTES}`"
            raise ValueError(msg)
        return key

    @field_validator("redis_url", "mongo_url", "event_store_url", "otlp_endpoint")
    @classmethod
    def _known_scheme(cls, url: str | None, info: ValidationInfo) -> str | None:
        """The messages do not quote the URL: it may hold a password."""
        if url is None:
            return None
        schemes = _SCHEMES.get(str(info.field_name))
        if schemes and not url.startswith(schemes):
            raise ValueError(f"must begin with {' or '.join(schemes)}")
        try:
            parts = urlsplit(url)
        except ValueError:
            raise ValueError("is not a URL: its host cannot be read") from None
        places = parts.netloc.rpartition("@")[2].split(",")
        if schemes and ("@" in parts.path or not all(_PLACE.fullmatch(each) for each in places)):
            raise ValueError(
                "is not a URL: a host or a port cannot be read. "
                "In a user or a password, write / as %2F, ? as %3F, # as %23 and @ as %40"
            )
        for option, file in named_files(url, (*OWN_CERTIFICATES, *AUTHORITIES)):
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
            except OSError as error:
                raise ValueError(f"{option}, {file}: {error.strerror}") from error
        return url


def named_files(url: str, options: Sequence[str]) -> list[tuple[str, str]]:
    """Those of the options that a URL has, each with the file that it names."""
    found = [(option, values[-1]) for option, values in parse_qs(urlsplit(url).query).items()]
    return [each for each in found if each[0].lower() in options and each[1] != "system"]


def _bytes(key: SecretStr | None) -> bytes | None:
    """None without a key, or if it is not Base64."""
    try:
        return None if key is None else b64decode(key.get_secret_value(), validate=True)
    except ValueError:
        return None

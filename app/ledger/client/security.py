"""TLS and our token on the way to the ledger."""

from dataclasses import dataclass, field
from typing import Self

import grpc

from app.errors import ConfigurationError
from app.runtime.settings.loopback import host_of, is_local
from app.runtime.settings.settings import Settings


class LedgerSettingsError(ConfigurationError):
    """The settings describe no way to the ledger that may be used."""


@dataclass(frozen=True)
class Security:
    """TLS, with the system's authorities or ``authorities`` (PEM), and a bearer token.

    ``sheltered``: something else encrypts the connection, so that plain text is safe too.
    """

    tls: bool = False
    authorities: bytes | None = None
    token: str | None = field(default=None, repr=False)
    sheltered: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say. Raises LedgerSettingsError, naming the setting that cannot be used."""
        token = settings.ledger_token.get_secret_value() if settings.ledger_token else None
        sheltered = host_of(settings.ledger_target) in settings.plaintext_hosts
        security = cls(settings.ledger_tls, _authorities(settings), token or None, sheltered)
        security.metadata(settings.ledger_target)
        return security

    def metadata(self, target: str) -> tuple[tuple[str, str], ...]:
        """What goes with each call to ``target``: the token.

        Raises LedgerSettingsError if others on the way could read it.
        """
        if self.token is None:
            return ()
        if not self.tls and not self.sheltered and not is_local(host_of(target)):
            msg = f"a token for {target} needs BILLIE_LEDGER_TLS=true: it would travel in plain text"
            raise LedgerSettingsError(msg)
        return (("authorization", f"Bearer {self.token}"),)

    def credentials(self) -> grpc.ChannelCredentials | None:
        """None for plain text."""
        return grpc.ssl_channel_credentials(self.authorities) if self.tls else None


PLAIN = Security()


def _authorities(settings: Settings) -> bytes | None:
    if settings.ledger_ca_file is None:
        return None
    if not settings.ledger_tls:
        msg = "BILLIE_LEDGER_CA_FILE needs BILLIE_LEDGER_TLS=true"
        raise LedgerSettingsError(msg)
    try:
        return settings.ledger_ca_file.read_bytes()
    except OSError as error:
        msg = f"BILLIE_LEDGER_CA_FILE, {settings.ledger_ca_file}: {error.strerror}"
        raise LedgerSettingsError(msg) from error

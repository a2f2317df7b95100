"""Wires the console, and checks that it is configured to sign people in safely."""

from app.api.services import Services
from app.console.session.issuer import Issuer
from app.console.session.sessions import ConsoleServices, Sessions
from app.errors import ConfigurationError
from app.runtime.settings.settings import Settings

_MIN_SECRET_BYTES = 32


class ConsoleNotConfiguredError(ConfigurationError):
    """The console cannot sign people in safely: the API must not start with it."""


def with_console(services: Services) -> ConsoleServices:
    """The API's services, and the console's."""
    settings = services.settings
    issuer = Issuer(settings) if settings.console == "oidc" else None
    return ConsoleServices(**vars(services), sessions=Sessions(settings), issuer=issuer)


def check(settings: Settings) -> None:
    """Raises ConsoleNotConfiguredError."""
    secret = settings.session_secret.get_secret_value() if settings.session_secret else None
    if secret is not None and len(secret.encode()) < _MIN_SECRET_BYTES:
        msg = f"BILLIE_SESSION_SECRET is too short: it needs at least {_MIN_SECRET_BYTES} bytes"
        raise ConsoleNotConfiguredError(msg)
    if settings.console != "oidc":
        return
    needed = {
        "BILLIE_JWKS_URL": settings.jwks_url,
        "BILLIE_JWT_ISSUER": settings.jwt_issuer,
        "BILLIE_OIDC_CLIENT_ID": settings.oidc_client_id,
        "BILLIE_CONSOLE_URL": settings.console_url,
        "BILLIE_SESSION_SECRET": secret,
    }
    if missing := [name for name, value in needed.items() if not value]:
        msg = f"BILLIE_CONSOLE=oidc also needs {', '.join(missing)}"
        raise ConsoleNotConfiguredError(msg)

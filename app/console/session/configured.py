"""What the console needs to be told before it can serve."""

from app.runtime.settings.settings import Settings

_SHORTEST_SECRET = 32


class ConsoleNotConfiguredError(ValueError):
    """The console has no safe way to sign people in: the API must not start with it."""


def check(settings: Settings) -> None:
    """Raises ConsoleNotConfiguredError."""
    secret = settings.session_secret.get_secret_value() if settings.session_secret else None
    if secret is not None and len(secret.encode()) < _SHORTEST_SECRET:
        msg = f"BILLIE_SESSION_SECRET is too short: it takes at least {_SHORTEST_SECRET} bytes"
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
        msg = f"BILLIE_CONSOLE=oidc takes {', '.join(missing)} too"
        raise ConsoleNotConfiguredError(msg)

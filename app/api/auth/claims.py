"""Reads a token's claims. Issuers name things differently: the settings say which claim means what."""

from typing import Any

_CLIENTS = ("client_id", "cid", "azp")
_MACHINE_MARKS = {"gty": "client-credentials", "idtyp": "app"}
_MAX_NAME_LENGTH = 200
_SERVICE_ACCOUNT = "service-account-"


def claim_values(claims: dict[str, Any], name: str) -> list[Any]:
    """A claim's values. A name that is no claim itself is a path: ``realm_access.roles``."""
    found: Any = claims
    if name in claims:  # A namespaced one, https://example.org/roles, has dots of its own.
        found = claims[name]
    else:
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, list):
        return found
    return [] if found is None else [found]


def claims_with(name: str, value: str) -> dict[str, Any]:
    """Claims in which :func:`claim_values` finds this value under this name."""
    if name.startswith(("http://", "https://")):
        return {name: value}
    claims: Any = value
    for part in reversed(name.split(".")):
        claims = {part: claims}
    return dict(claims)


def is_machine_token(claims: dict[str, Any], mark: str | None) -> bool:
    """Whether a machine got this token without a person (OAuth's client credentials).

    Its subject is the client itself (RFC 9068, section 2.2; Okta, Cognito), or Auth0, Entra or Keycloak mark
    it in their ways, or it has the claim ``mark``: NAME, or NAME=VALUE. Being a machine allows nothing, so
    any mark is believed.
    """
    if any(claims.get(name) == claims.get("sub") for name in _CLIENTS):
        return True
    if any(claims.get(name) == value for name, value in _MACHINE_MARKS.items()):
        return True
    if str(claims.get("preferred_username", "")).startswith(_SERVICE_ACCOUNT):
        return True
    if mark is None:
        return False
    name, equals, value = mark.partition("=")
    found = claim_values(claims, name)
    return value in map(str, found) if equals else any(each not in (None, False, "") for each in found)


def name_of(claims: dict[str, Any], *, of_machine: bool = False) -> str | None:
    """The bearer's display name, if the token has one; for a machine without one, its client."""
    for name in ("name", *_CLIENTS) if of_machine else ("name",):
        if isinstance(value := claims.get(name), str) and value.strip() and value != claims.get("sub"):
            return value.strip()[:_MAX_NAME_LENGTH]
    return None

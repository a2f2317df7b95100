"""What a token's claims say of its bearer. Issuers differ in names: settings tell which claim means what."""

from typing import Any

_CLIENTS = ("client_id", "cid", "azp")
_MARKS = {"gty": "client-credentials", "idtyp": "app"}
_LONGEST_NAME = 200
_SERVICE_ACCOUNT = "service-account-"


def values_of(claims: dict[str, Any], name: str) -> list[Any]:
    """What a claim holds, as a list. A name that is no claim's own is a path: ``realm_access.roles``."""
    found: Any = claims
    if name in claims:  # A namespaced one, https://example.org/roles, has dots of its own.
        found = claims[name]
    else:
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, list):
        return found
    return [] if found is None else [found]


def claims_of(name: str, value: str) -> dict[str, Any]:
    """The claims in which :func:`values_of` finds this value under this name."""
    if name.startswith(("http://", "https://")):
        return {name: value}
    claims: Any = value
    for part in reversed(name.split(".")):
        claims = {part: claims}
    return dict(claims)


def tells_a_machine(claims: dict[str, Any], mark: str | None) -> bool:
    """Whether a token is a machine's own, which got it without a person (OAuth's client credentials).

    It is where the subject is the client itself (RFC 9068, section 2.2; Okta, Cognito), where Auth0, Entra or
    Keycloak mark it in their ways, or where it has the claim ``mark``: NAME, or NAME=VALUE. To be taken for
    a machine allows nothing: so whatever may be a mark is one.
    """
    if any(claims.get(name) == claims.get("sub") for name in _CLIENTS):
        return True
    if any(claims.get(name) == value for name, value in _MARKS.items()):
        return True
    if str(claims.get("preferred_username", "")).startswith(_SERVICE_ACCOUNT):
        return True
    if mark is None:
        return False
    name, equals, value = mark.partition("=")
    found = values_of(claims, name)
    return value in map(str, found) if equals else any(each not in (None, False, "") for each in found)


def name_of(claims: dict[str, Any], *, of_machine: bool = False) -> str | None:
    """What people call the bearer, if the token says so; of a machine without a name, its client."""
    for name in ("name", *_CLIENTS) if of_machine else ("name",):
        if isinstance(value := claims.get(name), str) and value.strip() and value != claims.get("sub"):
            return value.strip()[:_LONGEST_NAME]
    return None

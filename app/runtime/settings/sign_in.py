"""Settings of tokens, and of the console and its sign-in."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr, field_validator

from app.runtime.settings.api import ORIGIN


class SignInSettings(BaseModel):
    """Who issues tokens, which claims mean what, and how staff sign in to the console."""

    jwt_secret: SecretStr | None = Field(
        None, description="Secret of HS256 tokens, for development: who can check them can issue them."
    )
    jwks_url: str | None = Field(
        None, description="The issuer's public keys (RS256, ES256). If set, the secret is not used."
    )
    jwt_issuer: str | None = Field(None, description="Required value of `iss`; required with jwks_url.")
    jwt_audience: str | None = Field(None, description="Required in `aud`; required with jwks_url.")
    jwt_role_claim: str = Field(
        "role",
        min_length=1,
        description="Claim, or path (realm_access.roles), of a role or a list of roles; the highest counts.",
    )
    jwt_machine_claim: str | None = Field(
        None, min_length=1, description="Claim that marks a machine's token: NAME, or NAME=VALUE."
    )
    jwks_refresh_seconds: float = Field(300, gt=0, description="Age at which keys are fetched again.")
    jwks_pause_seconds: float = Field(
        10, gt=0, description="Shortest time between fetches for an unknown key: a rotation may wait as long."
    )
    jwks_outage_hours: float = Field(
        24, gt=0, description="How long keys are trusted while their issuer is unreachable."
    )
    console: Literal["off", "development", "oidc"] = Field(
        "off",
        description="The console under `/`: off; `development`, where anyone takes any name and role; or "
        "`oidc`, with sign-in at the issuer.",
    )
    console_url: str | None = Field(
        None, description="Public address of the console: https://desk.example; required with `oidc`."
    )
    session_secret: SecretStr | None = Field(
        None,
        description="Signs the console's sessions, the same in each API process; required with `oidc`. "
        "Unset: a random one, and sessions end with the process.",
    )
    session_hours: float = Field(
        8, gt=0, le=24, description="Life of a session; until it ends, its role counts."
    )
    oidc_client_id: str | None = Field(
        None, min_length=1, description="The console's client id at BILLIE_JWT_ISSUER; required with `oidc`."
    )
    oidc_client_secret: SecretStr | None = Field(
        None, description="Secret of that client. Unset for a public client, which PKCE alone protects."
    )

    @field_validator("console_url")
    @classmethod
    def _an_origin(cls, url: str | None) -> str | None:
        if url is not None and not ORIGIN.fullmatch(url := url.rstrip("/")):
            msg = f"{url!r} is not an origin, such as https://desk.example: lower case, without a path"
            raise ValueError(msg)
        return url

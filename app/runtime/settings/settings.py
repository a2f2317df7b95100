"""All settings of a process, read from the environment with the prefix ``BILLIE_``."""

import re
from functools import lru_cache
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.runtime.settings.api import ApiSettings
from app.runtime.settings.ledger import LedgerSettings
from app.runtime.settings.pipeline import PipelineSettings
from app.runtime.settings.sign_in import SignInSettings
from app.runtime.settings.stores import StoreSettings
from app.runtime.settings.variables import PREFIX, CommaSeparated, Variables

_HOST = re.compile(r"[a-z0-9_.\-]+|[0-9a-f:]+")


class Settings(StoreSettings, LedgerSettings, ApiSettings, SignInSettings, PipelineSettings, BaseSettings):
    """Each field is the variable ``BILLIE_<FIELD>``; a secret may come from ``BILLIE_<FIELD>_FILE``.

    An optional setting that is empty counts as unset, except GUARDS. Raises SecretFileError for a file that
    cannot be used, and pydantic's ValidationError for a value.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    env: Literal["development", "production"] = Field(
        "development", description="In production, processes refuse to start with insecure settings."
    )
    plaintext_hosts: CommaSeparated = Field(
        (),
        description="Hosts, comma-separated, that production may reach in plain text, because a service mesh "
        "or a private network protects the traffic.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_unused: PydanticBaseSettingsSource,
        **_others: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments come first, then the environment with the files that it names."""
        return init_settings, Variables(settings_cls)

    @field_validator("plaintext_hosts")
    @classmethod
    def _exact_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for each in hosts:
            if not _HOST.fullmatch(each):
                raise ValueError(f"{each!r} is not a host, such as redis or 10.0.0.7: no scheme, port or *")
        return hosts


@lru_cache
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()

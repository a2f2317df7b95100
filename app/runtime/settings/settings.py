"""All settings of a process, read from the environment with the prefix ``BILLIE_``."""

import re
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from app.runtime.settings.api import ApiSettings
from app.runtime.settings.empty_variables import FilledVariables
from app.runtime.settings.ledger import LedgerSettings
from app.runtime.settings.lists import parts
from app.runtime.settings.secret_files import SecretFiles
from app.runtime.settings.sign_in import SignInSettings
from app.runtime.settings.stores import StoreSettings
from app.runtime.settings.work import WorkSettings

_HOST = re.compile(r"[a-z0-9_.\-]+|[0-9a-f:]+")


class Settings(StoreSettings, LedgerSettings, ApiSettings, SignInSettings, WorkSettings, BaseSettings):
    """Each field is the variable ``BILLIE_<FIELD>``; a secret may come from ``BILLIE_<FIELD>_FILE``.

    An optional setting that is empty counts as unset, except GUARDS. Raises SecretFileError for a file that
    cannot be used, and pydantic's ValidationError for a value.
    """

    model_config = SettingsConfigDict(env_prefix="BILLIE_", extra="ignore")

    env: Literal["development", "production"] = Field(
        "development", description="In production, processes refuse to start with insecure settings."
    )
    plaintext_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts, comma-separated, that production may reach in plain text, because a service mesh "
        "or a private network protects the traffic.",
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
        """Arguments first, then the environment, then the files that the environment names."""
        return init_settings, FilledVariables(settings_cls), SecretFiles(settings_cls)

    @field_validator("plaintext_hosts", mode="before")
    @classmethod
    def _exact_hosts(cls, given: object) -> object:
        hosts = parts(given)
        for each in hosts if isinstance(hosts, tuple) else ():
            if not _HOST.fullmatch(each):
                raise ValueError(f"{each!r} is not a host, such as redis or 10.0.0.7: no scheme, port or *")
        return hosts


@lru_cache
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()

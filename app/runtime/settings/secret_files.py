"""Settings that may come from a file: ``BILLIE_X_FILE`` names one that holds what ``BILLIE_X`` would."""

import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from app.errors import ConfigurationError

FROM_FILES = (
    "redis_url",
    "mongo_url",
    "event_store_url",
    "ledger_token",
    "jwt_secret",
    "session_secret",
    "oidc_client_secret",
    "master_key",
    "master_key_previous",
)
"""Those that are secrets, or URLs that may hold a password."""

_PREFIX = "BILLIE_"
_MOST_BYTES = 64 * 1024


class SecretFileError(ConfigurationError):
    """A file that cannot be used for a setting: names the setting, never what the file holds."""


class SecretFiles(PydanticBaseSettingsSource):
    """The source of such settings, read once. Raises SecretFileError."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls)
        self._given = {name.upper(): value for name, value in os.environ.items() if value}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """The file's text, without the white space around it; None where there is no such variable."""
        name = f"{_PREFIX}{field_name.upper()}"
        variable = f"{name}_FILE"
        if field_name not in FROM_FILES or variable not in self._given:
            return None, field_name, False
        if name in self._given:
            raise SecretFileError(f"{name} and {variable} are both set: which of them counts? Unset one")
        return _text_of(Path(self._given[variable]), variable), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All that come from files."""
        fields = self.settings_cls.model_fields
        self._refuse_others({f"{_PREFIX}{name.upper()}" for name in fields})
        values = {name: self.get_field_value(field, name)[0] for name, field in fields.items()}
        return {name: value for name, value in values.items() if value is not None}

    def _refuse_others(self, known: set[str]) -> None:
        # Passed over, it would look as if the setting were in force.
        files = {f"{_PREFIX}{name.upper()}_FILE" for name in FROM_FILES}
        for variable in sorted(self._given):
            is_ours = variable.startswith(_PREFIX) and variable.endswith("_FILE")
            if is_ours and variable not in files | known:
                raise SecretFileError(f"{variable} is no setting. From files come {', '.join(sorted(files))}")


def _text_of(path: Path, variable: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        text = content.decode().strip()
    except OSError as error:
        raise SecretFileError(f"{variable}: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        msg = f"{variable}: {path} is no text in UTF-8"
        raise SecretFileError(msg) from None  # Without the error: it quotes the bytes.
    if len(content) > _MOST_BYTES:
        msg = f"{variable}: {path} is larger than {_MOST_BYTES:,} bytes: is it the right file?"
        raise SecretFileError(msg)
    if not text:
        raise SecretFileError(f"{variable}: {path} is empty")
    return text

"""How settings are read: from variables ``BILLIE_X``, and from files that ``BILLIE_X_FILE`` names."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator
from pydantic_settings import EnvSettingsSource, NoDecode

from app.errors import ConfigurationError

PREFIX = "BILLIE_"
FROM_FILES = (
    *("redis_url", "mongo_url", "event_store_url", "ledger_token", "jwt_secret", "session_secret"),
    *("oidc_client_secret", "master_key", "master_key_previous"),
)
"""Those that are secrets, or URLs that may hold a password."""
GUARDS = {
    *("master_key", "jwt_machine_claim", "ledger_ca_file"),
    *("write_off_limit_supervisor", "write_off_limit_admin"),
}
"""Without these something is less guarded: nobody may lose them by a variable that came out empty."""
_MOST_BYTES = 64 * 1024


class SecretFileError(ConfigurationError):
    """A file that cannot be used for a setting: names the setting, never what the file holds."""


class Variables(EnvSettingsSource):
    """The environment and the files that it names, read once. Raises SecretFileError.

    An optional setting that is empty is unset; of GUARDS it raises ConfigurationError. Any other is left to
    its own rule: in its place a default would count that nobody asked for, such as development for
    ``BILLIE_ENV``.
    """

    def __call__(self) -> dict[str, Any]:
        """What is set, by the names of its fields."""
        fields = self.settings_cls.model_fields
        optional = {name for name, field in fields.items() if type(None) in get_args(field.annotation)}
        values = super().__call__()
        if empty := sorted(name for name in GUARDS if values.get(name) == ""):
            raise ConfigurationError(f"{PREFIX}{empty[0].upper()} is empty: set it, or remove the variable")
        set_ones = {name: each for name, each in values.items() if each != "" or name not in optional}
        return set_ones | dict(_from_files({f"{PREFIX}{name.upper()}" for name in fields}))


def _from_files(settings: set[str]) -> Iterator[tuple[str, str]]:
    given = {name.upper(): value for name, value in os.environ.items() if value}
    files = {f"{PREFIX}{name.upper()}_FILE": name for name in FROM_FILES}
    for variable in sorted(given.keys() - settings):
        if not (variable.startswith(PREFIX) and variable.endswith("_FILE")):
            continue
        if variable not in files:  # Passed over, it would look as if the setting were in force.
            raise SecretFileError(f"{variable} is no setting. From files come {', '.join(sorted(files))}")
        if (name := variable.removesuffix("_FILE")) in given:
            raise SecretFileError(f"{name} and {variable} are both set: which of them counts? Unset one")
        yield files[variable], _text_of(Path(given[variable]), variable)


def _text_of(path: Path, variable: str) -> str:
    """The file's text, without the white space around it."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        text = content.decode().strip()
    except OSError as error:
        raise SecretFileError(f"{variable}: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:  # Without the error: it quotes the bytes.
        raise SecretFileError(f"{variable}: {path} is no text in UTF-8") from None
    if len(content) > _MOST_BYTES:
        raise SecretFileError(f"{variable}: {path} is larger than {_MOST_BYTES:,} bytes: the right file?")
    if not text:
        raise SecretFileError(f"{variable}: {path} is empty")
    return text


def _parts(given: object) -> object:
    """The parts of a comma-separated text; anything else unchanged."""
    if not isinstance(given, str):
        return given
    return tuple(part for each in given.split(",") if (part := each.strip()))


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts)]

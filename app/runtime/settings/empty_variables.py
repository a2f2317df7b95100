"""Variables that are set to nothing, as compose files and templates give those that nobody filled in."""

from typing import Any, get_args

from pydantic_settings import BaseSettings, EnvSettingsSource

GUARDS = frozenset(
    {
        "master_key",
        "jwt_machine_claim",
        "ledger_ca_file",
        "write_off_limit_supervisor",
        "write_off_limit_admin",
    }
)
"""Without these something is less guarded: nobody may lose them by a variable that came out empty."""


class FilledVariables(EnvSettingsSource):
    """The environment, in which an optional setting that is empty is unset.

    Any other that is empty is left to its own rule: in its place a default would count that nobody asked for,
    such as development for ``BILLIE_ENV``.
    """

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls)
        fields = settings_cls.model_fields.items()
        self._optional = {name for name, field in fields if type(None) in get_args(field.annotation)} - GUARDS

    def __call__(self) -> dict[str, Any]:
        """What is set, by the names of its fields."""
        values = super().__call__()
        return {name: value for name, value in values.items() if value != "" or name not in self._optional}

"""The read models that a command is about."""

from app.errors import UsageError
from app.projections.engine.projection import Projection
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings


def chosen(settings: Settings, names: list[str] | None, *, all_of_them: bool) -> list[Projection]:
    """Those that were named, or all. Raises UsageError if a name is unknown or missing."""
    known = all_projections(settings)
    if unknown := [name for name in names or () if name not in known]:
        msg = f"No read model {', '.join(unknown)}: there are {', '.join(known)}"
        raise UsageError(msg)
    if all_of_them:
        return list(known.values())
    if not names:
        msg = f"Name a read model, or use --all: there are {', '.join(known)}"
        raise UsageError(msg)
    return [known[name] for name in dict.fromkeys(names)]

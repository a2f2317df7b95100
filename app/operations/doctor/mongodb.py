"""MongoDB, as projections and the API need it: clock, permission, migrations, versions."""

from collections.abc import Iterator
from secrets import token_hex
from time import time
from typing import Any

from pymongo.database import Database
from pymongo.errors import OperationFailure

from app.operations.doctor.check import Check, clock, failed, well
from app.operations.status.stores import read_models_state
from app.runtime.observability.logging import in_short


def mongodb_checks(database: Database[dict[str, Any]]) -> Iterator[Check]:
    """All of them. Creates and drops a scratch collection. Raises pymongo's errors."""
    asked = time()
    hello = database.client.admin.command("hello")
    answered = time()
    yield well("mongodb.connection", "answers")
    yield clock("mongodb.clock", hello["localTime"].timestamp(), asked, answered)
    yield well("mongodb.version", str(database.client.server_info()["version"]))
    yield _permission(database)
    models = read_models_state(database)
    if models.waiting_migrations:
        pending = f"pending: {', '.join(models.waiting_migrations)}"
        yield failed("mongodb.migrations", pending, "Run `billie migrate`.")
    else:
        yield well("mongodb.migrations", "none pending")
    outdated = [each.name for each in models.projections if each.version != each.current_version]
    if outdated:
        detail = f"built by another version than this release's: {', '.join(outdated)}"
        yield failed("mongodb.projections", detail, f"Run `billie rebuild {' '.join(outdated)}`.")
    else:
        yield well("mongodb.projections", "of this release's versions")


def _permission(database: Database[dict[str, Any]]) -> Check:
    """Tried in a collection of its own, as a rebuild creates one."""
    scratch = database[f"_doctor.{token_hex(8)}"]
    try:
        try:
            scratch.insert_one({"_id": "probe"})
            scratch.update_one({"_id": "probe"}, {"$set": {"seen": True}})
            scratch.create_index("seen")
        finally:
            scratch.drop()
    except OperationFailure as error:
        advice = f"Grant the user of BILLIE_MONGO_URL the roles readWrite and dbAdmin on {database.name}."
        return failed("mongodb.permission", in_short(error), advice)
    return well("mongodb.permission", f"may write to {database.name}")

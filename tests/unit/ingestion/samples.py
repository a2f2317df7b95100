"""Values that each field of each payload model accepts, found by trying."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from app.ingestion.messages.fields import Payload

CANDIDATES: tuple[Any, ...] = (
    *("ACTIVE", "PAID", "PAID_OFF", "hardship", "high", "weekly", "current", "passed"),
    *({"customer_id": "C1", "suburb": "Perth"}, [{"payment_number": 1, "status": "PAID"}]),
    *("7", "2026-03-01", "2026-03-01T09:00Z", True, ["one"]),
)


def models(root: type[Payload] = Payload) -> Iterator[type[Payload]]:
    """Every payload model, those inside other payloads too."""
    for model in root.__subclasses__():
        yield model
        yield from models(model)


def sample(model: type[Payload], name: str) -> Any:
    """A value that the field accepts and keeps."""
    return next(value for value in CANDIDATES if _accepts(model, name, value))


def filled(model: type[Payload]) -> dict[str, Any]:
    """A payload with every key of the model, in snake_case."""
    return {name: sample(model, name) for name in model.model_fields}


def _accepts(model: type[Payload], name: str, value: Any) -> bool:
    try:
        model.model_validate({name: value})
    except ValidationError as error:
        # Other required keys are missing; what counts is whether this one is at fault.
        faults = [fault["loc"] for fault in error.errors() if fault["type"] != "missing"]
        absent = {fault["loc"][0] for fault in error.errors() if len(fault["loc"]) == 1}
        nested = any(len(fault["loc"]) > 1 for fault in error.errors())
        return not (faults or nested or name in absent)
    return True

"""Fields of request bodies: amounts as decimal strings, bounded texts."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

Amount = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[0-9]{1,9}(\.[0-9]{1,2})?$"),
    Field(
        description="AUD above zero, as a decimal string with at most two places",
        examples=["150.00"],
        json_schema_extra={"not": {"pattern": r"^[0.]+$"}},
    ),
]
Delta = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^-?[0-9]{1,9}(\.[0-9]{1,2})?$"),
    Field(description="AUD, as a decimal string; negative lowers the balance", examples=["-12.50"]),
]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Comment = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=1_000)]


class Body(BaseModel):
    """A request's body. Unknown fields are refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

"""The base of JSON models: snake_case in Python, camelCase on the wire; and money in them."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

Money = Annotated[
    Decimal,
    BeforeValidator(str),  # MongoDB's Decimal128 too.
    PlainSerializer("{:.2f}".format, return_type=str),
    WithJsonSchema(
        {"type": "string", "format": "decimal", "pattern": r"^-?\d+\.\d{2}$", "examples": ["620.00"]}
    ),
]
"""An amount in AUD."""


class CamelModel(BaseModel):
    """An immutable model whose JSON names are camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

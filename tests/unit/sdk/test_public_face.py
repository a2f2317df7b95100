"""The SDK has one public face, and no payload model is missing from it."""

from app import sdk
from app.ingestion.messages.fields import Payload
from tests.unit.ingestion.samples import models


def test_every_payload_model_is_exported_under_its_plain_name() -> None:
    named = {model.__name__: model for model in models() if not model.__name__.startswith("_")}
    ours = {name: model for name, model in named.items() if model.__module__.startswith("app.")}
    bases = {"AddressedPayload", "CustomerDetails"}
    assert {name: vars(sdk)[name] for name in ours if name not in bases} == {
        name: model for name, model in ours.items() if name not in bases
    }


def test_every_type_names_its_model() -> None:
    assert all(issubclass(model, Payload) for model in sdk.message_types().values())
    assert all(vars(sdk)[model.__name__] is model for model in sdk.message_types().values())

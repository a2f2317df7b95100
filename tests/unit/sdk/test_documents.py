"""What is published in docs/messages: current, valid by its own standards, and true of our door."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker

from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.chat import FreeForm
from app.sdk import Accepted, Message, Payload, json_schema, validate
from app.sdk._examples import examples
from app.sdk._schemas import example_payload
from tests.support.commands import ROOT
from tests.unit.ingestion.samples import filled
from tests.unit.sdk.built import messages
from tools.pages.asyncapi import asyncapi
from tools.pages.messages_page import documents, write

FOLDER = ROOT / "docs" / "messages"
ASYNCAPI = Path(__file__).parent / "asyncapi" / "3.0.0.json"
FORMATS = FormatChecker(["date"])


@FORMATS.checks("date-time", raises=ValueError)
def _is_time(value: Any) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def validator(kind: str) -> Draft202012Validator:
    """Validates payloads by the schema that we publish, dates and times included."""
    return Draft202012Validator(json_schema(kind), format_checker=FORMATS)


VALIDATORS = {kind: validator(kind) for kind in CATALOGUE}


def test_the_committed_message_documents_are_current() -> None:
    made = documents((FOLDER / "README.md").read_text(encoding="utf-8"))
    committed = {str(file.relative_to(FOLDER)): file for file in FOLDER.rglob("*") if file.is_file()}
    assert sorted(committed) == sorted(made), "run `make schemas`"
    for path, text in made.items():
        assert committed[path].read_text(encoding="utf-8") == text, f"{path}: run `make schemas`"


def test_schemas_of_removed_types_are_deleted(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "gone.v1.json").write_text("{}")
    (tmp_path / "README.md").write_text((FOLDER / "README.md").read_text(encoding="utf-8"))
    write(tmp_path)
    assert {file.stem for file in (tmp_path / "schemas").iterdir()} == set(CATALOGUE)


def test_there_is_an_example_of_every_type() -> None:
    assert list(examples()) == list(CATALOGUE)


@pytest.mark.parametrize("kind", CATALOGUE)
def test_an_example_is_valid_by_its_schema_and_at_the_door(kind: str) -> None:
    Draft202012Validator.check_schema(json_schema(kind))
    message = examples()[kind]
    VALIDATORS[kind].validate(example_payload(message))
    verdict = validate(message.fields())
    assert isinstance(verdict, Accepted)
    assert (verdict.type, verdict.identity, verdict.dropped) == (kind, f"id:example-{kind}", ())


@pytest.mark.parametrize("kind", CATALOGUE)
def test_the_schema_requires_the_keys_of_the_model(kind: str) -> None:
    payload = example_payload(examples()[kind])
    for key in json_schema(kind).get("required", ()):
        without = {name: value for name, value in payload.items() if name != key}
        assert not VALIDATORS[kind].is_valid(without)
        entry = examples()[kind].fields() | {"dat": json.dumps(without)}
        assert not isinstance(validate(entry), Accepted)
    required = [field for field in CATALOGUE[kind].model_fields.values() if field.is_required()]
    assert len(required) == len(json_schema(kind).get("required", ()))


@pytest.mark.parametrize("kind", [kind for kind, model in CATALOGUE.items() if model is not FreeForm])
def test_the_schema_names_every_key_of_the_model(kind: str) -> None:
    written = example_payload(Message(kind, filled(CATALOGUE[kind]), conversation="V1"))
    assert set(written) <= set(json_schema(kind)["properties"])


@settings(max_examples=200)
@given(messages())
def test_every_built_message_is_valid_by_its_schema(built: tuple[Message, Payload]) -> None:
    VALIDATORS[built[0].type].validate(example_payload(built[0]))


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("account.updated.v1", {"current_balance": "1.999"}),
        ("account.updated.v1", {"current_balance": "1e3"}),
        ("account.updated.v1", {"last_payment_date": "2026-02-30"}),
        ("account.updated.v1", {"status": "NEW"}),
        ("account.updated.v1", {"timestamp": "soon"}),
        ("writeoff.requested.v1", {"reason": "none"}),
        ("writeoff.requested.v1", {"changedAt": "soon"}),
    ],
)
def test_the_schema_refuses_other_formats(kind: str, wrong: dict[str, Any]) -> None:
    assert not VALIDATORS[kind].is_valid(example_payload(examples()[kind]) | wrong)


def test_the_asyncapi_document_is_valid_by_the_official_schema() -> None:
    official = Draft7Validator(json.loads(ASYNCAPI.read_text(encoding="utf-8")))
    document = asyncapi()
    official.validate(document)
    del document["operations"]["consume"]["action"]
    assert not official.is_valid(document)


def test_the_asyncapi_examples_are_valid_messages() -> None:
    document = asyncapi()
    entry = document["components"]["schemas"]["entry"]
    assert set(document["components"]["messages"]) == set(CATALOGUE)
    for kind, message in document["components"]["messages"].items():
        [example] = message["examples"]
        headers = message["headers"] | {"allOf": [entry]}
        Draft7Validator(headers).validate(example["headers"])
        fields = example["headers"] | {"dat": json.dumps(example["payload"])}
        verdict = validate(fields)
        assert isinstance(verdict, Accepted)
        assert verdict.type == kind
        assert message["payload"] == {"$ref": f"./schemas/{kind}.json"}
        assert (FOLDER / message["payload"]["$ref"]).exists()

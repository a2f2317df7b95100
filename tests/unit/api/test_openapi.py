"""The OpenAPI document: as committed, whole for a reader, and true where it gives examples."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from fastapi import APIRouter
from pydantic import SecretStr

from app.api.application import create_app
from app.api.openapi import document as openapi
from app.api.openapi.document import PARAMETERS
from app.runtime.settings.settings import Settings
from tools.pages.openapi_file import text

COMMITTED = Path(__file__).parents[3] / "docs" / "openapi.json"
DOCUMENT = orjson.loads(COMMITTED.read_bytes())
OPERATIONS = {
    operation["operationId"]: operation for path in DOCUMENT["paths"].values() for operation in path.values()
}
EACH_OPERATION = pytest.mark.parametrize("name", OPERATIONS)


def test_the_committed_openapi_document_is_current() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == text(), "write it again: make openapi"


def test_the_document_is_valid_openapi_3_1_with_descriptions() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert DOCUMENT["info"]["title"] == "Billie Servicing"
    assert {each["name"] for each in DOCUMENT["tags"]} == {
        tag for operation in OPERATIONS.values() for tag in operation["tags"]
    }


@EACH_OPERATION
def test_every_operation_has_a_description(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["summary"][0].isupper()
    assert operation["description"].endswith(".")
    assert all(parameter["description"] for parameter in operation.get("parameters", ()))


@EACH_OPERATION
def test_an_operation_names_its_problems(name: str) -> None:
    operation = OPERATIONS[name]
    shared = DOCUMENT["components"]["responses"]
    problems = {
        status: shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        for status, each in operation["responses"].items()
        if int(status) >= 400
    }
    assert "400" in problems
    assert ("401" in problems) == bool(operation["security"])
    for status, each in problems.items():
        assert each["content"]["application/problem+json"]["example"]["status"] == int(status)


def _examples(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    operation = OPERATIONS[name]
    yield from operation.get("requestBody", {}).get("content", {}).items()
    for response in operation["responses"].values():
        yield from response.get("content", {}).items()


@EACH_OPERATION
def test_examples_match_their_schema(name: str) -> None:
    for media_type, content in _examples(name):
        schema = content["schema"] | {"components": DOCUMENT["components"]}
        assert "example" in content, media_type
        jsonschema.Draft202012Validator(schema).validate(content["example"])


def test_problems_have_examples_that_are_problems() -> None:
    problem = DOCUMENT["components"]["schemas"]["Problem"]
    for name, response in DOCUMENT["components"]["responses"].items():
        example = response["content"]["application/problem+json"]["example"]
        jsonschema.Draft202012Validator(problem).validate(example)
        assert f"Problem{example['status']}" == name


def test_every_example_and_description_belongs_to_a_route() -> None:
    places = {f"{name}.{status}" for name, each in OPERATIONS.items() for status in each["responses"]}
    places |= {f"{name}.body" for name, each in OPERATIONS.items() if "requestBody" in each}
    assert openapi.examples().keys() <= places | DOCUMENT["components"]["responses"].keys()
    used = {each["name"] for operation in OPERATIONS.values() for each in operation.get("parameters", ())}
    assert PARAMETERS.keys() <= used


def test_a_route_without_an_example_is_refused_by_name() -> None:
    app = create_app(Settings(jwt_secret=SecretStr("a secret for tests, of more than 32 bytes")))
    router = APIRouter(tags=["me"])

    @router.get("/v1/new", operation_id="getSomethingNew")
    async def _new() -> dict[str, str]:
        """Get something new."""
        return {}

    app.include_router(router)
    with pytest.raises(LookupError, match=r"getSomethingNew.200 has no example"):
        openapi.document(app)

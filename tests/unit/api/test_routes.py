"""What holds for all routes, by their declarations: the table of roles, the names, the limits."""

import re
from collections.abc import Iterator
from inspect import signature
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app.api.application import create_app
from app.api.auth.requirements import requires
from app.api.auth.role_table import shown_routes
from app.api.auth.roles import Role
from app.api.documents.routes import DocumentRoute
from app.runtime.settings.settings import Settings
from tests.support.commands import ROOT
from tools.pages.roles_page import page

CAMEL = re.compile(r"[a-z][a-zA-Z0-9]*")


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(Settings(jwt_secret=SecretStr("a secret for tests, of more than 32 bytes")))


def test_the_table_of_roles_is_current(app: FastAPI) -> None:
    assert (ROOT / "docs" / "api-roles.md").read_text(encoding="utf-8") == page(app), "run `make roles`"


def test_settings_of_the_api_are_documented() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    prefixes = ("api_", "jwt_", "jwks_", "rate_", "cors_", "changes_", "console", "session_", "oidc_")
    ours = [name for name in Settings.model_fields if name.startswith(prefixes)]
    assert len(ours) > 20
    assert [name for name in ours if f"`BILLIE_{name.upper()}`" not in page] == []


def test_names_are_camel_case(app: FastAPI) -> None:
    document = app.openapi()
    names = {
        name for schema in document["components"]["schemas"].values() for name in schema.get("properties", ())
    }
    for operation in operations(document):
        names |= {each["name"] for each in operation.get("parameters", ()) if each["in"] != "header"}
    assert len(names) > 150
    assert [name for name in sorted(names) if not CAMEL.fullmatch(name)] == []


def test_every_body_has_a_limit(app: FastAPI) -> None:
    routes = list(shown_routes(app))
    limits = {route.path: route.max_body_size for route in routes if "POST" in (route.methods or ())}
    assert len(limits) > 15
    assert not [route.path for route in routes if route.body_field is not None and route.path not in limits]
    inbox = limits.pop("/v1/inbox")
    notes = {path: limits.pop(path) for path in list(limits) if "notes" in path}
    assert set(limits.values()) == {64 * 1024}
    assert set(notes.values()) == {256 * 1024}
    assert 100 * 256 * 1024 < inbox < 101 * 256 * 1024


def test_every_list_has_a_page_size(app: FastAPI) -> None:
    for operation in operations(app.openapi()):
        parameters = {each["name"]: each["schema"] for each in operation.get("parameters", ())}
        if operation["operationId"].startswith("list"):
            assert parameters["limit"]["maximum"] <= 200, operation["operationId"]


def test_every_guarded_route_documents_its_problems(app: FastAPI) -> None:
    for operation in operations(app.openapi()):
        if operation["tags"] != ["health"]:
            statuses = operation["responses"].keys()
            assert {"400", "401", "403", "429", "503"} <= statuses, operation["operationId"]


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def test_a_read_of_one_document_is_not_solved_by_the_framework(app: FastAPI) -> None:
    routes = [each.original_route for each in shown_routes(app)]
    own = [each for each in routes if isinstance(each, DocumentRoute)]
    assert {each.path.split("/")[2] for each in own} == {"customers", "loan-accounts", "conversations"}
    for each in own:
        assert [one.call for one in each.dependant.dependencies] == [requires(Role.READONLY)], each.path
        assert list(signature(each.endpoint).parameters)[:2] == ["request", "identifier"], each.path
        assert not any(one.field_info.is_required() for one in each.dependant.query_params), each.path

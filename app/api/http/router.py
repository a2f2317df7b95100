"""The router of REST resources."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from pydantic.alias_generators import to_camel


class Router(APIRouter):
    """An operation's id is its function's name; answers leave out what is absent."""

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add a route with these defaults."""
        options["operation_id"] = options.get("operation_id") or to_camel(endpoint.__name__)
        options["response_model_exclude_none"] = True
        super().add_api_route(path, endpoint, **options)

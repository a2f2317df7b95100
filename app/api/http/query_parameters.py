"""Refuses unknown and repeated query parameters: a misspelt filter must not return everything."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from fastapi import Request

from app.api.http.problems import ProblemError

_MAX_NAME_LENGTH, _MAX_NAMES = 64, 8


async def refuse_unknown_parameters(request: Request) -> None:
    """400 for a parameter that is unknown, or repeated. Async, as plain functions run in a thread."""
    if not request.scope["query_string"]:
        return
    known = dict(_parameters(request.scope["route"].dependant))
    given = Counter(name for name, _ in request.query_params.multi_items())
    if unknown := sorted(given.keys() - known.keys()):
        accepted = ", ".join(sorted(known)) or "none"
        detail = f"Unknown: {_shortened(unknown)}. This route takes: {accepted}."
        raise ProblemError(400, "unknown_parameter", detail)
    if again := sorted(name for name, times in given.items() if times > 1 and not _is_list(known[name])):
        raise ProblemError(400, "repeated_parameter", f"Given more than once: {_shortened(again)}.")


def _is_list(annotation: Any) -> bool:
    return any(get_origin(each) is list for each in (annotation, *get_args(annotation)))


def _shortened(names: list[str]) -> str:
    shown = ", ".join(name[:_MAX_NAME_LENGTH] for name in names[:_MAX_NAMES])
    return f"{shown}, …" if len(names) > _MAX_NAMES else shown


def _parameters(dependant: Any) -> Iterator[tuple[str, Any]]:
    """The query parameters of a route and of its dependencies, with their types."""
    yield from ((field.alias, field.field_info.annotation) for field in dependant.query_params)
    for dependency in dependant.dependencies:
        yield from _parameters(dependency)

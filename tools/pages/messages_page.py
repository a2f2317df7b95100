"""Writes what is generated in docs/messages: ``python -m tools.pages.messages_page docs/messages``.

The schemas of all types, the AsyncAPI document, and the table of types in the page beside them.
"""

import sys
from pathlib import Path
from typing import Any

import orjson

from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.fields import AddressedPayload
from app.sdk import json_schema
from tools.pages.asyncapi import asyncapi

BEGIN, END = "<!-- types: written by `make schemas` -->", "<!-- end of types -->"


def documents(page: str) -> dict[str, str]:
    """The text of each generated file, by its path below the folder; ``page`` is README.md as it is."""
    texts = {f"schemas/{kind}.json": _json(json_schema(kind)) for kind in CATALOGUE}
    texts["asyncapi.json"] = _json(asyncapi())
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    texts["README.md"] = f"{before}{begin}\n{_table()}\n{end}{after}"
    return texts


def write(folder: Path) -> None:
    """Write them, and remove the schemas of types that are no more."""
    texts = documents((folder / "README.md").read_text(encoding="utf-8"))
    (folder / "schemas").mkdir(exist_ok=True)
    for path, text in texts.items():
        (folder / path).write_text(text, encoding="utf-8")
    for file in (folder / "schemas").iterdir():
        if f"schemas/{file.name}" not in texts:
            file.unlink()


def _table() -> str:
    lines = ["| type | payload | needs | goes to |", "|---|---|---|---|"]
    for kind, model in CATALOGUE.items():
        schema = json_schema(kind)
        needs = [f"`{key}`" for key in schema.get("required", ())]
        if issubclass(model, AddressedPayload):
            needs.insert(0, "a conversation")
        link = f"[`{kind}`](schemas/{kind}.json)"
        goes_to = ", ".join(schema["x-aggregates"])
        lines.append(f"| {link} | `{model.__name__}` | {', '.join(needs)} | {goes_to} |")
    return "\n".join(lines)


def _json(document: Any) -> str:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]))

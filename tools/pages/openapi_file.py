"""Writes docs/openapi.json: ``python -m tools.pages.openapi_file docs/openapi.json``."""

import json
import sys
from pathlib import Path

from app.api.application import app_to_describe


def text() -> str:
    """The document as the file holds it: the same on every machine."""
    return json.dumps(app_to_describe().openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")

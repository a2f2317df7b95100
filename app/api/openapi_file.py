"""The OpenAPI document as a file: ``python -m app.api.openapi_file docs/openapi.json``."""

import json
import sys
from pathlib import Path

from pydantic import SecretStr

from app.api.application import create_app
from app.runtime.settings import Settings


def text() -> str:
    """The document as the file holds it: the same on every machine."""
    app = create_app(Settings(jwt_secret=SecretStr("no token is ever checked with this one")))
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")

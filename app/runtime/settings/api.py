"""Settings of the HTTP server: its limits, live changes, rates, and browsers of other origins."""

import re

from pydantic import BaseModel, Field, field_validator

from app.runtime.settings.variables import CommaSeparated

ORIGIN = re.compile(r"https?://[a-z0-9.\-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")
"""As browsers send it: lower case, without a path."""


class ApiSettings(BaseModel):
    """Where the API listens, and what one client may cost."""

    api_host: str = "127.0.0.1"
    api_port: int = Field(8000, ge=0, le=65535)
    api_connections: int = Field(500, ge=1, description="Connections at once; further ones get 503.")
    api_header_bytes: int = Field(
        32 * 1024, ge=1024, description="Size of a request's first line and headers; more gets 431."
    )
    api_request_seconds: float = Field(30, gt=0, description="Time in which a whole request must arrive.")
    api_stall_seconds: float = Field(
        30, gt=0, description="Time after which a client that reads nothing of its answer is disconnected."
    )
    cors_origins: CommaSeparated = Field(
        (), description="Origins whose web pages may call the API, comma-separated. None by default."
    )
    changes_listeners: int = Field(
        200, ge=1, description="Streams of changes at once in one process; further ones get 503."
    )
    changes_heartbeat_seconds: float = Field(
        15, gt=0, description="Silence after which a stream of changes gets a comment."
    )
    changes_seconds: float = Field(
        3_600, gt=0, description="Longest life of a stream of changes; its reader resumes it."
    )
    rate_per_second: float = Field(
        50, ge=0, description="Sustained requests per second of one caller to one process. 0: no limit."
    )
    rate_burst: int = Field(200, ge=1, description="Requests of one caller at once, after a pause.")

    @field_validator("cors_origins")
    @classmethod
    def _exact_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for each in origins:
            if "*" in each:
                raise ValueError(
                    "a * would let any page call with a token that it obtained: name each origin"
                )
            if not ORIGIN.fullmatch(each):
                raise ValueError(
                    f"{each!r} is not an origin, such as https://desk.example or http://localhost:3000"
                )
        return origins

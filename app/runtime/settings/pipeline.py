"""Settings of ingestion, projections, logs and metrics."""

from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, Field, field_validator


class PipelineSettings(BaseModel):
    """How the roles go through messages and events, and what they report."""

    ingest_batch: int = Field(2_000, ge=1, le=10_000, description="Entries read from the stream at once.")
    project_batch: int = Field(2_000, ge=1, le=100_000, description="Events folded at once.")
    poll_ms: int = Field(50, ge=1, le=60_000, description="Pause between polls of an idle event store.")
    max_message_bytes: int = Field(256 * 1024, ge=1024)
    max_deliveries: int = Field(5, ge=1)
    claim_idle_ms: int = Field(
        60_000, ge=1, description="Idle time after which another consumer's entry is claimed."
    )
    forget_consumer_hours: float = Field(
        24, gt=0, description="Idle hours after which a consumer with nothing pending is removed."
    )
    trim_after_hours: float | None = Field(
        None, gt=0, description="Age at which acknowledged entries are trimmed. Unset: never."
    )
    quiet_seconds: float | None = Field(
        None, gt=0, description="Silence of the stream that is a problem. Unset: learnt from previous days."
    )
    conversation_max_utterances: int = Field(2_000, ge=1)
    conversation_max_notices: int = Field(500, ge=1)
    business_time_zone: str = Field(
        "Australia/Sydney", description="Time zone of business days. After a change, rebuild the read models."
    )
    aggregate_cache: int = Field(
        20_000, ge=0, description="Aggregates cached by an ingest process; fewer if they had many messages."
    )
    log_format: Literal["text", "json"] = Field("text", description="Log lines as text or as JSON.")
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="Port of this process's metrics. 0: any free port. Unset: none."
    )
    trace_share: float = Field(
        0.05, ge=0, le=1, description="Share of messages, and of requests without a trace, that are traced."
    )

    @field_validator("business_time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            msg = f"{name!r} is not a time zone of the IANA database, such as 'Australia/Sydney'"
            raise ValueError(msg) from None
        return name

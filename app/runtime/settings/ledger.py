"""Settings of the ledger's client, and the limits of money commands."""

from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr


class LedgerSettings(BaseModel):
    """How the accounting ledger is called, and what takes a second person."""

    ledger_target: str = "127.0.0.1:50051"
    ledger_tls: bool = False
    ledger_ca_file: Path | None = Field(
        None, description="PEM file of the authorities of the ledger's certificate. Unset: the system's."
    )
    ledger_token: SecretStr | None = Field(
        None, description="Bearer token of each call; never sent in plain text to another machine."
    )
    ledger_read_seconds: float = Field(2, gt=0, le=60, description="Deadline of a read, retries included.")
    ledger_write_seconds: float = Field(
        10, gt=0, le=300, description="Deadline of a write. After it the outcome is unknown."
    )
    ledger_watch_seconds: float = Field(
        3_600, gt=0, description="Longest life of a stream of transactions; its reader resumes it."
    )
    ledger_heartbeat_seconds: float = Field(
        15, gt=0, description="Silence after which a stream of transactions gets a comment."
    )
    ledger_keepalive_seconds: float = Field(
        330, ge=10, description="Time between pings of a connection; many servers refuse less than 300."
    )
    ledger_key_hours: float = Field(
        23, gt=0, lt=24, description="How long an unknown command is retried; the ledger forgets keys at 24."
    )
    settle_after_seconds: float = Field(
        30, gt=0, description="Age at which a command without an outcome is retried."
    )
    money_most_amount: Decimal = Field(
        Decimal(100_000), gt=0, description="Largest amount of one money command, AUD."
    )
    adjustment_limit: Decimal = Field(
        Decimal(500), ge=0, description="An adjustment above this, AUD, takes a second person."
    )
    adjustment_limit_days: int = Field(
        30, ge=1, le=366, description="Period over which one person's adjustments of a loan add up."
    )
    write_off_limit_supervisor: Decimal | None = Field(
        Decimal(5_000),
        ge=0,
        description="Largest write-off or adjustment a supervisor may approve, AUD.",
    )
    write_off_limit_admin: Decimal | None = Field(
        None, ge=0, description="The same for an admin. Unset: any amount."
    )

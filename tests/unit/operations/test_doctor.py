"""What the doctor says of clocks and of settings that contradict each other."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from app.operations.doctor.check import Verdict, clock
from app.operations.doctor.settings import settings_checks
from app.runtime.settings.settings import Settings


@pytest.mark.parametrize(
    ("theirs", "verdict", "detail"),
    [
        (1_000.0, Verdict.OK, "within 2 s of ours"),
        (1_001.9, Verdict.OK, "within 2 s of ours"),
        (1_005.0, Verdict.WARNING, "5.0 s ahead of ours"),
        (995.0, Verdict.WARNING, "5.0 s behind ours"),
        (1_090.0, Verdict.FAILED, "90.0 s ahead of ours"),
    ],
)
def test_a_clock_that_is_off(theirs: float, verdict: Verdict, detail: str) -> None:
    check = clock("redis.clock", theirs, 1_000.0, 1_000.0)
    assert (check.verdict, check.detail) == (verdict, detail)
    assert (check.advice is None) == (verdict is Verdict.OK)


def test_network_latency_does_not_count_as_clock_skew() -> None:
    assert clock("redis.clock", 1_000.0, 1_000.0, 1_008.0).verdict is Verdict.OK


def test_the_defaults_do_not_contradict_each_other() -> None:
    assert [check.verdict for check in settings_checks(Settings())] == [Verdict.OK]


@pytest.mark.parametrize(
    ("changes", "verdict", "detail"),
    [
        ({"dead_letter_stream": "inbox:billie-srv"}, Verdict.FAILED, "are the same stream"),
        ({"claim_idle_ms": 500}, Verdict.WARNING, "BILLIE_CLAIM_IDLE_MS is 500"),
        ({"settle_after_seconds": 10}, Verdict.FAILED, "is not above BILLIE_LEDGER_WRITE_SECONDS (10)"),
        ({"ledger_ca_file": "/ca.pem"}, Verdict.FAILED, "BILLIE_LEDGER_TLS"),
        ({"ledger_token": SecretStr("secret"), "ledger_target": "far:1"}, Verdict.FAILED, "plain text"),
        ({"adjustment_limit": Decimal(200_000)}, Verdict.WARNING, "BILLIE_ADJUSTMENT_LIMIT"),
        ({"write_off_limit_admin": Decimal(1)}, Verdict.WARNING, "larger write-offs than an admin"),
        ({"jwks_url": "https://x", "jwt_secret": SecretStr("secret")}, Verdict.WARNING, "is ignored"),
        ({"changes_listeners": 500}, Verdict.WARNING, "BILLIE_CHANGES_LISTENERS"),
        ({"api_connections": 10**9}, Verdict.WARNING, "BILLIE_API_CONNECTIONS is 1,000,000,000"),
        ({"metrics_port": 8000}, Verdict.FAILED, "is BILLIE_API_PORT"),
        ({"metrics_port": 9464, "metrics_host": "0.0.0.0"}, Verdict.WARNING, "without authentication"),
    ],
)
def test_settings_that_contradict_each_other(changes: dict[str, Any], verdict: Verdict, detail: str) -> None:
    (check,) = settings_checks(Settings(**changes))
    assert check.verdict is verdict
    assert detail in check.detail
    assert check.advice
    assert "secret" not in check.model_dump_json()

"""Which hosts are this machine."""

import pytest

from app.runtime.settings.loopback import host_of, is_local


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_hosts_are_local(host: str) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", ["127.example.com", "localhost.example.com", "10.0.0.7", "redis", "::2"])
def test_another_machine(host: str) -> None:
    assert not is_local(host)


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("ledger:50051", "ledger"),
        ("Ledger.example:50051", "ledger.example"),
        ("ledger", "ledger"),
        ("dns:///ledger:50051", "ledger"),
        ("[::1]:50051", "::1"),
        ("unix:/run/ledger.sock", ""),
    ],
)
def test_host_of_a_target(target: str, host: str) -> None:
    assert host_of(target) == host

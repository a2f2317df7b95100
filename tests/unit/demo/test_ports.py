"""The ports of a demo: its own from the moment that it chooses them, though its API listens much later."""

from app.demo.run import _port
from app.runtime.servers.embedded import free_port


def test_two_demos_that_begin_at_once_share_no_port() -> None:
    usual = free_port()
    with _port("api", usual) as first, _port("api", usual) as second:
        assert first == usual
        assert second not in (0, usual)
    with _port("api", usual) as again:
        assert again == usual

"""The fire's own tools: they strike as they say, and the watchers see what is wrong."""

import errno
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest
from redis import Redis

from app.event_store.application import Servicing
from app.runtime.servers.stopping import StopSignal
from app.runtime.settings.settings import Settings
from tests.chaos.faults.clocks import Clock, library
from tests.chaos.faults.disks import SmallDisk, small_disk
from tests.chaos.faults.links import Link, Links, Mode
from tests.chaos.faults.schedule import ROUND_S, Kind, schedule
from tests.chaos.violations import Violations
from tests.chaos.watch import Acknowledged
from tests.support.roles import ingest

TARGETS = {Kind.KILL: ["one", "two"], Kind.STOP: ["one", "two"], Kind.FULL: ["store"], Kind.CLOCK: ["one"]}


def test_a_seed_makes_one_schedule_and_a_longer_one_begins_with_it() -> None:
    short, long = schedule(7, 1, TARGETS), schedule(7, 30, TARGETS)
    assert short == schedule(7, 1, TARGETS) != schedule(8, 1, TARGETS)
    assert [each for each in long if each.at_s < ROUND_S] == [each for each in short if each.at_s < ROUND_S]


def test_a_minute_has_each_fault_on_each_target() -> None:
    struck = [(each.kind, each.target) for each in schedule(7, 1, TARGETS) if each.at_s < ROUND_S]
    assert sorted(struck) == sorted((kind, name) for kind, names in TARGETS.items() for name in names)


def test_a_target_is_struck_by_one_fault_at_a_time() -> None:
    until: dict[str, float] = {}
    for each in schedule(7, 60, TARGETS):
        assert each.at_s > until.get(each.target, -1.0), each
        until[each.target] = each.at_s + each.seconds


@contextmanager
def echo() -> Iterator[Link]:
    """A link to an echo server."""
    with socket.create_server(("127.0.0.1", 0)) as listener, Links() as links:

        def serve() -> None:
            while True:
                try:
                    caller, _ = listener.accept()
                except OSError:
                    return
                Thread(target=say_again, args=(caller,), daemon=True).start()

        def say_again(caller: socket.socket) -> None:
            with caller, suppress(ConnectionError):
                while said := caller.recv(100):
                    caller.sendall(said)

        Thread(target=serve, daemon=True).start()
        yield links.to(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def called(link: Link) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port), timeout=5)


def said(caller: socket.socket, timeout: float = 5) -> bytes:
    caller.settimeout(timeout)
    caller.sendall(b"hello")
    return caller.recv(100)


def test_a_dropped_connection_ends_and_so_does_a_new_one() -> None:
    with echo() as link, called(link) as before:
        assert said(before) == b"hello"
        link.set(Mode.DROPPED)
        with pytest.raises(ConnectionResetError):
            before.recv(100)
        # The link may reset it before `connect` returns, or at the first byte.
        with pytest.raises(ConnectionError), called(link) as new:
            said(new)
        link.set(Mode.OPEN)
        with called(link) as after:
            assert said(after) == b"hello"


def test_a_partitioned_connection_stays_silent_and_new_ones_work_afterwards() -> None:
    with echo() as link, called(link) as before:
        assert said(before) == b"hello"
        link.set(Mode.CUT)
        with pytest.raises(TimeoutError):
            said(before, timeout=0.2)
        link.set(Mode.OPEN)
        with called(link) as after:
            assert said(after) == b"hello"
        with pytest.raises(TimeoutError):
            said(before, timeout=0.2)


def test_a_slow_connection_takes_its_time() -> None:
    with echo() as link, called(link) as caller:
        link.set(Mode.SLOW)
        began = time.monotonic()
        assert said(caller) == b"hello"
        assert time.monotonic() - began >= 0.2


@pytest.mark.skipif(library() is None, reason="libfaketime has nothing for this system")
def test_a_clock_jumps_and_monotonic_time_does_not(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    clock.jump(-3_600)
    code = "import time; print(time.time(), time.monotonic())"
    shown = subprocess.run(
        [sys.executable, "-c", code], env=dict(clock.environment), capture_output=True, text=True, check=True
    ).stdout.split()
    assert float(shown[0]) == pytest.approx(time.time() - 3_600, abs=30)
    assert float(shown[1]) == pytest.approx(time.monotonic(), abs=30)


def test_a_full_disk_rejects_writes(tmp_path: Path) -> None:
    with small_disk(2, tmp_path, lambda: ()) as disk:
        if not isinstance(disk, SmallDisk):
            pytest.skip("nobody may mount a tmpfs here")
        disk.fill()
        with pytest.raises(OSError, match="No space left") as refused:
            (disk.folder / "more").write_bytes(b"x" * 8_192)
        assert refused.value.errno == errno.ENOSPC
        disk.clear()
        (disk.folder / "more").write_bytes(b"x" * 8_192)


def test_an_entry_acknowledged_without_an_event_is_detected(settings: Settings, redis_client: Redis) -> None:
    stream, group = settings.inbox_stream, settings.consumer_group
    redis_client.xgroup_create(stream, group, id="0", mkstream=True)
    payload = '{"account_id": "ACC-1", "status": "ACTIVE"}'
    entry = {"typ": "account.updated.v1", "event_id": "e1", "payload": payload}
    redis_client.xadd(stream, entry)  # type: ignore[arg-type]
    with StopSignal() as stop:
        ingest(settings, drain=True, stop=stop)
    lost = redis_client.xadd(stream, entry | {"payload": payload.replace("ACC-1", "ACC-2")})  # type: ignore[arg-type]
    pending = redis_client.xadd(stream, entry | {"payload": payload.replace("ACC-1", "ACC-3")})  # type: ignore[arg-type]
    redis_client.xreadgroup(group, "careless", {stream: ">"})
    redis_client.xack(stream, group, lost)
    wrong = Violations()
    with closing(Servicing.from_url(settings.event_store_url)) as servicing:
        watch = Acknowledged(redis_client, settings, servicing, wrong)
        watch.look()
        assert (watch.seen, len(wrong.complaints)) == (2, 1)
        assert lost.decode() in wrong.complaints[0]
        redis_client.xack(stream, group, pending)
        watch.look()
        assert (watch.seen, len(wrong.complaints)) == (3, 2)

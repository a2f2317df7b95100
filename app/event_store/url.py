"""An event store URL, and the eventsourcing library's settings for it.

No part of a URL is ignored: cut short by a ``#``, say, it would name another store than it seems to.
"""

from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from app.event_store.errors import EventStoreUrlError

POSTGRES_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "target_session_attrs")
"""Options of an event store URL, named as PostgreSQL's clients name them."""
_PRIMARIES = ("read-write", "primary")
_LOCK_TIMEOUT_S = "30"
_ESCAPED = "in a user, password or name, write / as %2F, ? as %3F, # as %23, @ as %40, : as %3A and % as %25"
_SERVER, _FILE = "postgresql://user@host/name", "sqlite:///var/events.db"


def event_store_environment(url: str) -> dict[str, str]:
    """The eventsourcing library's settings for an event store URL: names, so that no database is imported.

    ``sqlite:///path?timeout=5`` waits 5 s for another process's transaction, rather than 30;
    ``postgresql://…?sslmode=verify-full&sslrootcert=FILE`` is TLS, ``postgresql://a:5432,b:5433/name``
    the one of the hosts that is the primary.

    Raises EventStoreUrlError for anything but ``sqlite:///`` and ``postgresql://``, and for other options.
    """
    try:
        parts = urlsplit(url)
        hosts = [urlsplit(f"//{each}") for each in parts.netloc.rpartition("@")[2].split(",")]
        ports = [str(each.port or 5432) for each in hosts]
    except ValueError:  # What it says may quote a part of the password.
        raise EventStoreUrlError(f"is not a URL: its host or its port cannot be read; {_ESCAPED}") from None
    if "#" in url:
        raise EventStoreUrlError("has a #, which would cut it short: write it as %23")
    if parts.scheme == "sqlite":
        seconds = _options(parts.query, ("timeout",)).get("timeout", _LOCK_TIMEOUT_S)
        if not (seconds.isascii() and seconds.isdigit() and int(seconds) > 0):
            raise EventStoreUrlError("has a timeout that is no whole number of seconds from 1")
        return sqlite_environment(_sqlite_file(parts), seconds)
    if parts.scheme not in ("postgresql", "postgres"):
        raise EventStoreUrlError(f"has the scheme {parts.scheme!r}: use sqlite:///path or {_SERVER}")
    name, options = parts.path.removeprefix("/"), _options(parts.query, POSTGRES_OPTIONS)
    # Events are read where they are written: a standby may be behind.
    if options.setdefault("target_session_attrs", _PRIMARIES[0]) not in _PRIMARIES:
        raise EventStoreUrlError(f"needs the primary: its target_session_attrs is {' or '.join(_PRIMARIES)}")
    if not name or "/" in name or "@" in name:
        raise EventStoreUrlError(f"names no database: use {_SERVER}; {_ESCAPED}")
    return {
        "PERSISTENCE_MODULE": "app.event_store.postgres_connections:EventStoreFactory",
        "POSTGRES_DBNAME": unquote(name),
        "POSTGRES_HOST": ",".join(unquote(each.hostname or "") or "127.0.0.1" for each in hosts),
        "POSTGRES_PORT": ",".join(ports),
        "POSTGRES_USER": unquote(parts.username or ""),
        "POSTGRES_PASSWORD": unquote(parts.password or ""),
        "APPLICATION_RECORDER_TOPIC": "app.event_store.postgres:PostgresBatchRecorder",
        **{f"POSTGRES_{option.upper()}": value for option, value in options.items()},
    }


def sqlite_environment(file: str, lock_timeout: str = _LOCK_TIMEOUT_S) -> dict[str, str]:
    """The library's settings for a SQLite file."""
    return {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": file,
        "SQLITE_LOCK_TIMEOUT": lock_timeout,
        "APPLICATION_RECORDER_TOPIC": "app.event_store.sqlite:SQLiteBatchRecorder",
    }


def _sqlite_file(parts: SplitResult) -> str:
    # As in SQLAlchemy: three slashes and a relative path, four for an absolute one.
    if parts.netloc:
        why = f"has two slashes, after which a host would stand: use {_FILE}, or four for an absolute path"
        raise EventStoreUrlError(why)
    name = unquote(parts.path.removeprefix("/"))
    if not name or name == ":memory:":
        raise EventStoreUrlError(f"names no file: use {_FILE}")
    return name


def _options(query: str, known: tuple[str, ...]) -> dict[str, str]:
    options = parse_qs(query, keep_blank_values=True)
    if set(options) - set(known):
        # Ignored, it would seem to be in force. Or a "?" cut a file's name in two.
        other = sorted(set(options) - set(known))[0]
        why = f"has the option {other!r}: there are {', '.join(known)}. A ? in a name is written %3F"
        raise EventStoreUrlError(why)
    return {name: values[-1] for name, values in options.items()}

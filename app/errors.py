"""The base of our errors. Its class says how HTTP and the commands report it."""


class BillieError(Exception):
    """A refusal or a failure, decided where it is raised. Its text is one sentence for the caller."""

    status: int = 500
    """The HTTP status."""
    code: str = "internal_error"
    """The stable code of the problem."""
    retryable: bool = False
    """Whether the same request may succeed later."""
    retry_after_s: int | None = None
    """When to try again."""
    exit_code: int = 1
    """The exit code of a command that it ends."""
    headers: dict[str, str] | None = None
    """Further headers of the HTTP answer."""
    ledger_message: str | None = None
    """What the ledger said, where it said something."""

    @property
    def detail(self) -> str:
        """The sentence for the caller."""
        return str(self)


class NotFoundError(BillieError):
    """A thing that does not exist."""

    status = 404
    code = "not_found"

    def __init__(self, kind: str, identifier: str, condition: str = "") -> None:
        super().__init__(f"There is no {kind} {identifier!r}{condition}.")


class IdempotencyKeyReusedError(BillieError):
    """An idempotency key that belongs to another request."""

    status = 409
    code = "idempotency_key_reused"

    def __init__(
        self, detail: str = "The key belongs to another request. A new request takes a new key."
    ) -> None:
        super().__init__(detail)


class ConfigurationError(BillieError):
    """A setting that cannot be used: the process does not start, and only a person can mend it."""

    exit_code = 2


class UsageError(BillieError):
    """An argument of a command that cannot be used."""

    exit_code = 2


class PortTakenError(BillieError):
    """An address cannot be listened on."""

    exit_code = 3

    def __init__(self, host: str, port: int, setting: str, error: OSError) -> None:
        remedy = f"Set {setting}_HOST, or {setting}_PORT: each process has its own"
        super().__init__(f"{host}, port {port}: {error.strerror}. {remedy}")

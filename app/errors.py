"""The base of every error that a caller sees: each class says how HTTP and the commands report it."""

from typing import ClassVar


class BillieError(Exception):
    """A refusal or a failure, decided where it is raised. Its text is one sentence for the caller.

    ``status`` is the HTTP status, ``code`` the stable word of ``problem+json``, and ``retryable`` whether
    the same request may succeed later.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False


class ConfigurationError(BillieError):
    """A setting that cannot be used: the process does not start, and only a person can mend it."""

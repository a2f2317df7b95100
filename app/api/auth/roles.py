"""What callers may do."""

from enum import StrEnum


class Role(StrEnum):
    """A caller's role, from least to most. Each includes those before it."""

    READONLY = "readonly"
    OPERATIONS = "operations"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Whether this role may do what the other may."""
        return [*Role].index(self) >= [*Role].index(other)

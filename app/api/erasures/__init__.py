"""The right to erasure."""

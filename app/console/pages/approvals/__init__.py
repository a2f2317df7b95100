"""Approvals: the queue, and one approval beside its loan."""

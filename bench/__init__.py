"""Benchmarks: seeded loads, and what they cost on this machine."""

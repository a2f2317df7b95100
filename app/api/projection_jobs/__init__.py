"""Rebuilds and verifications of read models, done by ``billie project``."""

"""Reads the account messages of a private SDK for Billie Servicing."""

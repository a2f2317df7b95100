"""Rebuilds and verifications that are requested over the API. Imports the engine's leases."""

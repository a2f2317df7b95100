"""Rebuilds and verifications that are asked for over the API. Imports the engine's leases."""

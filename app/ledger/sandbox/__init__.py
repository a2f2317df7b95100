"""A ledger for the demo and for tests: a real gRPC server with books of its own. No real money."""

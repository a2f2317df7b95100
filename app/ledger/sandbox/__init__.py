"""A ledger for the demo and for tests: a gRPC server with its own books. Imports the wire and the client."""

"""What documents, stream and ledger know beyond a restored event store. Imports what is below operations."""

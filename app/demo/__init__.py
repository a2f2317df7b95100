"""The simulated lender, and the whole system on one machine. Imports the bootstrap's rooms, never the CLI."""

"""A second program for the contract, written from its two pages alone. It shares no code with `app`."""

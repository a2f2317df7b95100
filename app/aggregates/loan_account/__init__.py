"""The loan account: its state, its events, and the commands that decide by the one and record the other."""

"""Event histories."""

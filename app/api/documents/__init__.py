"""Documents of the shared collections: one, a list, or one as of a time."""

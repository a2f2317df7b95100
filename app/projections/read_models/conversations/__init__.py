"""The collection ``conversations``: the document, how events change it, and what bounds its size."""

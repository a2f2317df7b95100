"""Search keys: texts in a document by which it is found."""

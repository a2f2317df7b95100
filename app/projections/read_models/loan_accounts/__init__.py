"""The collection ``loan-accounts``: a document's shape, how events change it, and the lookup of customers."""

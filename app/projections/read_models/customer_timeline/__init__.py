"""The collection ``customer-timeline``: a month's shape, its entries and their sentences, and the lookup."""

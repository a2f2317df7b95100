"""The collection ``portfolio-daily``: a day's totals, how events change them, and the lookup of accounts."""

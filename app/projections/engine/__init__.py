"""What every projection shares: reading, folding, storing, positions and leases. Imports nothing else of
projections."""

"""Contact notes: written, amended by further notes, never changed or deleted."""

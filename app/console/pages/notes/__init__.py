"""Notes: the forms in the drawer, and amended notes as threads."""

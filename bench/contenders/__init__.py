"""What a bench runs as a process of its own: a floor, a plain program of its kind, or ours."""

"""Every setting, a file a subject. Imports nothing of ours but errors."""

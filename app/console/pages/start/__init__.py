"""The start page and the search of every page."""

"""Writes the committed pages of docs/ that follow from the code."""

"""Entries that were set aside: searched, replayed, discarded. May import messages and stream."""

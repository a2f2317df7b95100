"""Typed models of the payloads: one file a publisher."""

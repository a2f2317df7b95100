"""Publishes entries on the inbox stream."""

"""Operators' questions: status, doctor, reconcile, visibility. May import everything below api."""

"""The read models: each document's shape and how every event changes it. Imports the aggregates and the
engine."""

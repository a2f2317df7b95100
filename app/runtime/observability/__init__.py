"""Logs, metrics, traces, heartbeats. Imports the settings."""

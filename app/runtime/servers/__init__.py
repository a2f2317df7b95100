"""Clients of servers, servers for demo and tests, threads, back-off, a clean stop. Imports observability."""

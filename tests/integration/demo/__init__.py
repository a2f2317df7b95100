"""Tests of the simulator, on a Redis server."""

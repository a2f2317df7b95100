"""Tests of the simulated lender."""

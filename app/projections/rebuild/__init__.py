"""Rebuilding beside the live collections, the swap, verifying, and single documents. Imports the engine and
migrations."""

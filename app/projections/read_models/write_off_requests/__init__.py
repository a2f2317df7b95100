"""The collection `write-off-requests`."""

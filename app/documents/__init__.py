"""The documents of the shared collections (contract collections.md): what the API shows and analysts read."""

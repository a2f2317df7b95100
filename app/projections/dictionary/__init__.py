"""The data dictionary, generated from the read models. Imports only what it lists: read models, jobs,
migrations."""

"""The roles of a running system: ingest, project, api. Imports the bootstrap."""

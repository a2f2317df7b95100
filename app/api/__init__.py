"""The REST API: a folder a resource (routes, schemas, service). Imports operations and what is below."""

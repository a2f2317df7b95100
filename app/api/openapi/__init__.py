"""The OpenAPI document: descriptions, examples, and the file docs/openapi.json."""

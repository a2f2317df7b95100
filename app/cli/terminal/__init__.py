"""How commands print: progress, pages, errors. Imports operations and the runtime."""

"""What all routes share of HTTP: problems, pages, ETags, event streams, middleware."""

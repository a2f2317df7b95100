"""The pipeline page with its charts, and the jobs that rebuild and verify read models."""

"""The state of this process and of the pipeline."""

"""What an operator asks and does: the pipeline's state, and whether a message has come through."""

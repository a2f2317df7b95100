"""The console script. A command is thin: options in, a role or an operation run, text and exit code out."""

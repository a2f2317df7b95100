"""What an operator runs, a file a command. May import everything but the console."""

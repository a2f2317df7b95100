"""How personal facts are sealed, and under which keys; whose keys a save destroys. Imports the aggregates."""

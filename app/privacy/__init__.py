"""How personal facts are sealed, under which keys, and how they are erased. Imports the aggregates only."""

"""One schema, its sources, and for each value where it came from."""

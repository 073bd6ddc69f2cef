"""Models that take the time: what is left of a bare loop around the same handler."""

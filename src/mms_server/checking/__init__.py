"""Tries a model out, in a worker process like a server's, and says what is wrong with it."""

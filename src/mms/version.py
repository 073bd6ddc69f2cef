"""The version of the server and of its worker runtime, and what this runtime needs to run."""

__version__ = "0.1.0"

PYTHON_FLOOR = (3, 8)
"""The oldest Python that workers run on: the oldest one that the tests run them on."""

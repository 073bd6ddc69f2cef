"""The version of the server and of its worker runtime: one number for both."""

__version__ = "0.1.0"

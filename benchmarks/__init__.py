"""Measure a no-op prediction on this server, on its peers, and on what bounds them all.

Run `make bench`, or `python -m benchmarks --help`. Linux only: processor time and memory come
from /proc. Everything listens on loopback and is stopped at the end.
"""

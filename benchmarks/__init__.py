"""Measure a no-op prediction on this server, on Multi Model Server 1.1.11 and on bare nginx.

Run `make bench`, or `python -m benchmarks --help`. Linux only: processor time and memory come
from /proc. Everything listens on loopback and is stopped at the end.
"""

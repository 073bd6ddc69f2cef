"""Measure large bodies: this server, Multi Model Server 1.1.11, and a server without a model.

Run `python -m benchmarks.bodies`. Linux only: processor time and memory come from /proc.
"""

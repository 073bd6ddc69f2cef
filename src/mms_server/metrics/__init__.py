"""Counters and gauges as the outside reads them."""

"""Logs that never make the event loop wait: lines, and the one thread that writes them."""

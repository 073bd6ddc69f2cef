"""Helpers that service files of Multi Model Server 0.x import."""

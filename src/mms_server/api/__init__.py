"""Dialects: each translates HTTP to the core, and the core's answers and errors back."""

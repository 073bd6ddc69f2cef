"""Python environments that models bring: which are allowed, how they are made, kept and removed."""

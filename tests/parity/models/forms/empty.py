"""Nothing that could handle anything."""

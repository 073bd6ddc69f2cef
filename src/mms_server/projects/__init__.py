"""Handler projects to begin with: what `mms new` writes."""

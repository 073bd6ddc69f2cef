"""What servers do when more is asked of them than they can do."""

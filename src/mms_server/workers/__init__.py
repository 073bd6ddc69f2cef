"""Worker processes: started, linked, watched, restarted. Nothing outside talks to a worker."""

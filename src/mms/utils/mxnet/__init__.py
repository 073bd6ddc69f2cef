"""Pictures, results and sentences as MXNet arrays. MXNet is imported by the first call."""

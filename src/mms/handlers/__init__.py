"""Ready-made handlers. Each imports its engine when it is initialized, not before."""

"""OpenAPI documents: the true one of a listener, and those that Multi Model Server gives."""

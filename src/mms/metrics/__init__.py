"""Metrics that handlers add: the API and the text of `mms.metrics` in Multi Model Server 1.1."""

"""Turns nested JSON into columns. Written in 2019: since Python 3.10 its first import fails."""

from collections import Mapping


def flatten(value, path=""):
    if not isinstance(value, Mapping):
        return {path: value}
    columns = {}
    for key, inner in value.items():
        columns.update(flatten(inner, path + "." + key if path else key))
    return columns


def handle(data, context):
    if data is None:
        return None
    return [flatten(request["body"]) for request in data]

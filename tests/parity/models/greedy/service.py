"""Runs out of memory when it is loaded."""


def handle(data, context):
    raise MemoryError("no memory")

"""Cannot be loaded."""


def handle(data, context):
    raise ValueError("no load")

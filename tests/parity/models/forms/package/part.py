"""A handler in a package."""


def handle(data, context):
    return data and ["%s" % __name__] * len(data)

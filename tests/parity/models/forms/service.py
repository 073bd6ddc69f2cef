"""Functions."""

import os
from json import JSONDecoder  # a class, but not of this module

NUMBER = 3


def handle(data, context):
    return data and ["service handle in %s" % os.path.basename(os.getcwd())] * len(data)


def other(data, context):
    return data and ["service other"] * len(data)


def strict(data, context):
    return ["%d requests" % len(data)]


def hungry(data, context):
    raise MemoryError("as asked")


def broken(data, context):
    raise ValueError("as asked")

"""A class whose initialize runs out of memory."""


class Starved:
    def initialize(self, context):
        raise MemoryError("as asked")

    def handle(self, data, context):
        return ["starved"] * len(data)

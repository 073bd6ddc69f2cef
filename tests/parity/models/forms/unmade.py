"""A class that cannot be made."""


class Unmade:
    def __init__(self):
        raise ValueError("as asked")

    def initialize(self, context):
        pass

    def handle(self, data, context):
        return ["unmade"] * len(data)

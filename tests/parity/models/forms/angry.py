"""A class whose initialize raises."""


class Angry:
    def initialize(self, context):
        raise ValueError("as asked")

    def handle(self, data, context):
        return ["angry"] * len(data)

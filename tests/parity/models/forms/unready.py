"""A class without initialize."""


class Unready:
    def handle(self, data, context):
        return ["unready"] * len(data)

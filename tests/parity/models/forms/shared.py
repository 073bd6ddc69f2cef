"""A base class and the handler's class: both are the module's own."""


class Base:
    label = "base"


class Handler(Base):
    def initialize(self, context):
        self.label = "handler"

    def handle(self, data, context):
        return [self.label] * len(data)

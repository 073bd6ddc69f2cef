"""A class without handle."""


class Useless:
    def initialize(self, context):
        pass

"""What may go wrong in a benchmark; each message says what to do about it."""


class BenchError(Exception):
    """A server or a tool did not do what the benchmark needs."""


class MissingToolError(BenchError):
    """A program is not installed on this machine; installing it and running again helps."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(f"{program} is not installed; try: apt-get install {package}")

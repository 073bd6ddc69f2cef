"""Two classes: which of them is meant?"""

from single import Only


class First(Only):
    pass


class Second(Only):
    pass

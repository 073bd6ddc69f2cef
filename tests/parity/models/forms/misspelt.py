"""A module that cannot be compiled."""

raise SyntaxError("as asked")

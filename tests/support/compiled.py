"""Whether the request path is compiled here, and what that asks of its source."""

from __future__ import annotations

import pytest

from mms_server.http import connection

IS_COMPILED = not connection.__file__.endswith(".py")

with_stand_ins = pytest.mark.skipif(
    IS_COMPILED, reason="what is compiled takes no stand-in for a class of its own"
)

from __future__ import annotations

import itertools
import uuid

from mms_server.api.request_ids import request_ids


def test_ids_are_random_uuids() -> None:
    ids = list(itertools.islice(request_ids(), 3000))
    assert len(set(ids)) == 3000
    for each in ids:
        parsed = uuid.UUID(each.decode())
        assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)
        assert str(parsed).encode() == each
    assert len({each[19:20] for each in ids}) == 4

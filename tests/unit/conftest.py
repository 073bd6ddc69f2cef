from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.mxnet_environment import MxnetProcess, mxnet_process, open_environment


@pytest.fixture(scope="session")
def mxnet() -> Iterator[MxnetProcess]:
    """A process that has MXNet; the first test that asks may wait for it to be installed."""
    with mxnet_process(open_environment()) as process:
        yield process

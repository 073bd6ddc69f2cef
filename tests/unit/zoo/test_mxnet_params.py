from __future__ import annotations

import numpy as np

from mms_server.zoo.mxnet_params import write_params

# What `mxnet.nd.save` of MXNet 1.9.1 has written.
SAVED = bytes.fromhex(
    "1201000000000000 0000000000000000 0200000000000000"  # a list, nothing, two arrays
    "c9fa93f9 00000000 02000000 0200000000000000 0300000000000000"  # dense, 2 by 3
    "01000000 00000000 00000000"  # on the CPU, of float32
    "0000803f 00000040 00004040 00008040 0000a040 0000c040"
    "c9fa93f9 00000000 01000000 0100000000000000 01000000 00000000 00000000 0000e040"
    "0200000000000000 0500000000000000 6172673a77 0500000000000000 6172673a62"
)


def test_the_bytes_are_those_that_mxnet_writes() -> None:
    weights = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    assert write_params({"arg:w": weights, "arg:b": np.array([7], np.float32)}) == SAVED


def test_an_array_that_is_a_view_is_written_in_its_own_order() -> None:
    weights = np.array([[1, 4], [2, 5], [3, 6]], np.float64).T
    assert write_params({"arg:w": weights, "arg:b": np.array([7])}) == SAVED

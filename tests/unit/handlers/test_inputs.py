from __future__ import annotations

import contextlib
import io
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mms.handlers.base import RequestError
from mms.handlers.inputs import Item, TensorReader
from mms.handlers.signature import TensorSpec


def npy(array: Any, **keywords: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **keywords)
    return file.getvalue()


def read(value: Any, shape: tuple[int, ...] = (0, 3), dtype: str = "float32") -> NDArray[Any]:
    reader = TensorReader([TensorSpec("x", shape, dtype)])
    array: NDArray[Any] = reader.read({"body": value}).arrays["x"]
    return array


@pytest.mark.parametrize(
    "value",
    [
        [1, 2, 3],
        "[1, 2, 3]",
        bytearray(b"[1, 2, 3]"),
        {"x": [1, 2, 3]},
        b'{"x": [1, 2, 3]}',
        npy(np.array([1, 2, 3])),
        bytearray(npy(np.array([1, 2, 3], np.float64))),
        npy(np.array([1, 2, 3], ">f4")),
    ],
)
def test_an_array_may_come_in_many_forms(value: Any) -> None:
    array = read(value)
    assert array.dtype == np.float32
    assert array.tolist() == [[1, 2, 3]]


def test_one_row_and_many_are_told_apart() -> None:
    reader = TensorReader([TensorSpec("x", (0, 3))])
    one, many = reader.read({"x": [1, 2, 3]}), reader.read({"x": [[1, 2, 3], [4, 5, 6]]})
    assert (one.rows, one.is_single) == (1, True)
    assert (many.rows, many.is_single) == (2, False)


def test_fortrans_order_is_read_too() -> None:
    array = np.asfortranarray(np.arange(6).reshape(2, 3))
    assert read(npy(array)).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("names", [{"x": [1], "y": [2]}, {"body": {"x": [1], "y": [2]}}])
def test_several_inputs_are_parts_or_keys(names: dict[str, Any]) -> None:
    reader = TensorReader([TensorSpec("x", (0, 1)), TensorSpec("y", (0, 1), "int64")])
    item = reader.read(names)
    assert item.arrays["x"].tolist() == [[1.0]]
    assert item.arrays["y"].dtype == np.int64


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"x": [1]}, "the request lacks y"),
        ({"body": [1]}, "the request lacks x, y"),
        ({"x": [1], "z": [2]}, "the request lacks y"),
        ({"x": [1], "y": [[1], [2]]}, r"saw \(\) in a row"),
        ({"x": [[1], [1]], "y": [[1]]}, r"equally many rows in each input.*\[1, 2\]"),
        ({"body": b"\xff"}, "Expected JSON"),
    ],
)
def test_several_inputs_that_do_not_fit_are_refused(request_: dict[str, Any], said: str) -> None:
    reader = TensorReader([TensorSpec("x", (0, 1)), TensorSpec("y", (0, 1))])
    with pytest.raises(RequestError, match=said):
        reader.read(request_)


def forged(shape: tuple[int, ...]) -> bytes:
    """A file whose head promises what does not follow."""
    file = io.BytesIO()
    head = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, head)
    return file.getvalue() + b"\0" * 8


def with_head(text: str) -> bytes:
    """A file whose head is any text."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1, 2], r"expected the shape \(any, 3\), or one row of it; saw \(2\) in a row"),
        ([[[1, 2, 3]]], r"saw \(1, 3\) in a row"),
        ([], "saw"),
        ([[1, 2, 3], [4, 5]], "expected float32 of shape"),
        (["a", "b", "c"], "expected float32 of shape"),
        ({"y": [1]}, "expected float32 of shape"),
        (b"not json", r"Expected JSON \(application/json\) or an \.npy file"),
        ("[" * 100_000, "Expected JSON"),
        (npy(np.zeros((0, 3))), "at least one"),
        (npy(np.array(["a", "b", "c"])), "saw <U1"),
        (npy(np.array([{}, 1, 2]), allow_pickle=True), "object"),
        (npy(np.zeros(3, [("a", "f4")])), "saw an .npy file of"),
        (npy(np.zeros(3))[:-1], "23 bytes of data"),
        (npy(np.zeros(3))[:20], "expected float32"),
        (b"\x93NUMPY\x09\x00" + b"x" * 90, "head cannot be read"),
        (with_head("-" * 9000 + "3"), "head cannot be read"),
        (with_head("(" * 9000), "head cannot be read"),
        (with_head("{'descr': "), "head cannot be read"),
        (with_head('"""'), "head cannot be read"),
        (forged((10**12,)), "8 bytes of data"),
        (forged((-1,)), "8 bytes of data"),
        (pickle.dumps([1, 2, 3]), "Expected JSON"),
    ],
)
def test_what_is_no_such_array_is_refused(value: Any, said: str) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        read(value)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        ([1, 2.0, 300], "int32", [1, 2, 300]),
        ([1, 2, 2**62 + 1], "int64", [1, 2, 2**62 + 1]),
        (npy(np.array([1, 2, 2**62 + 1])), "int64", [1, 2, 2**62 + 1]),
        (npy(np.array([1.0, 2.0, 3.0])), "uint8", [1, 2, 3]),
        ([True, False, 1], "bool", [True, False, True]),
        ([1, 0, 1e300], "float32", [1, 0, float("inf")]),
        ([0.5, 1, 2], "float16", [0.5, 1, 2]),
    ],
)
def test_numbers_become_what_the_model_takes(value: Any, dtype: str, expected: list[Any]) -> None:
    array = read(value, dtype=dtype)
    assert array.dtype == np.dtype(dtype)
    assert array[0].tolist() == expected


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1, 2, 3.5], "int64"),
        ([1, 2, 256], "uint8"),
        ([1, 2, -1], "uint8"),
        ([1, 2, 2**70], "int64"),
        ([1, 2, float("nan")], "int64"),
        (npy(np.array([1, 2, 3.5])), "int64"),
        (npy(np.array([1, 2, 256])), "uint8"),
        (npy(np.array([True, True, False])), "int64"),
        (npy(np.array([1j, 2, 3])), "float32"),
        (npy(np.array([1, 2, 3])), "bool"),
        ([["a"], "b", "c"], "object"),
        ([1, 2, 3], "object"),
    ],
)
def test_numbers_that_would_be_lost_are_refused(value: Any, dtype: str) -> None:
    with pytest.raises(RequestError, match=f"Input 'x': expected {dtype}"):
        read(value, dtype=dtype)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(VALUES, st.sampled_from(["float32", "int64", "uint8", "bool", "object"]))
@settings(deadline=None)
def test_any_json_is_read_or_refused(value: Any, dtype: str) -> None:
    with contextlib.suppress(RequestError):
        read(value, (0, 3), dtype)


@given(st.data())
@settings(deadline=None)
def test_any_bytes_are_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(npy(np.arange(6, dtype=np.float64).reshape(2, 3)))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = content[: data.draw(st.integers(0, len(content)))]
    with contextlib.suppress(RequestError):
        read(cut)


def test_null_is_no_number_unless_the_model_takes_gaps() -> None:
    for value in ([1, None, 3], [[1, 2, 3], [4, 5, None]], bytearray(b"[null, 2, 3]")):
        with pytest.raises(RequestError, match="saw null, which is no number"):
            read(value)
    assert np.isnan(read([1, float("nan"), 3])).tolist() == [[False, True, False]]
    reader = TensorReader([TensorSpec("x", (0, 3))], takes_gaps=True)
    assert np.isnan(reader.read({"x": [1, None, 3]}).arrays["x"]).sum() == 1


def test_text_is_taken_as_it_is() -> None:
    assert read("[a quotation", (0,), "object").tolist() == ["[a quotation"]
    assert read(["a", "b"], (0,), "object").tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("a good film", ["a good film"]),
        ("größer", ["größer"]),
        ("2024", ["2024"]),
        ("null", ["null"]),
        ('"quoted"', ["quoted"]),
        ('"Good", she said', ['"Good", she said']),
        ("[sic]", ["[sic]"]),
        ('["one", "two"]', ["one", "two"]),
        ('{"x": "named"}', ["named"]),
        ('{"x": ["one", "two"]}', ["one", "two"]),
    ],
)
def test_text_needs_no_type(content: str, texts: list[str]) -> None:
    assert read(bytearray(content.encode()), (0,), "object").tolist() == texts


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no text: it is empty"),
        (b"a\xff", "Expected text in UTF-8; invalid start byte at byte 1"),
        (b"[1, 2]", "not all elements are text"),
        (b'{"y": "another name"}', "not all elements are text"),
    ],
)
def test_what_is_no_text_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        read(bytearray(content), (0,), "object")


def test_fields_of_a_form_are_texts_where_the_model_takes_text() -> None:
    specs = [TensorSpec("title", (0, 1), "object"), TensorSpec("pages", (0, 1), "int64")]
    item = TensorReader(specs).read({"title": bytearray(b"1984"), "pages": bytearray(b"328")})
    assert item.arrays["title"].tolist() == [["1984"]]
    assert item.arrays["pages"].tolist() == [[328]]
    assert item.is_single


@pytest.mark.parametrize("shape", [(0, 1), (0, 0), (0, 1, 1)])
def test_one_value_is_a_row_of_one(shape: tuple[int, ...]) -> None:
    array = read(7, shape)
    assert array.shape == (1,) * len(shape)
    assert array.ravel().tolist() == [7]
    with pytest.raises(RequestError, match=r"saw \(\) in a row"):
        read(7, (0, 3))


def test_an_input_without_a_batch_has_exactly_its_shape() -> None:
    reader = TensorReader(
        [TensorSpec("x", (2, 0)), TensorSpec("rate", (), "int64")], is_batched=False
    )
    item = reader.read({"x": [[1, 2, 3], [4, 5, 6]], "rate": 8000})
    assert isinstance(item, Item)
    assert item.arrays["x"].shape == (2, 3)
    assert item.arrays["rate"].shape == ()
    with pytest.raises(RequestError, match=r"expected the shape \(2, any\); saw \(3\)\."):
        reader.read({"x": [1, 2, 3], "rate": 8000})

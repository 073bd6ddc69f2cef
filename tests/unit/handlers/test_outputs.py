from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from mms.context import Context, RequestProcessor
from mms.handlers.outputs import Classes, encode_json, encode_npy, read_labels, wants_npy


def test_the_best_classes_come_first() -> None:
    scores = np.array([0.1, 0.6, 0.3], np.float32)
    assert [each["class"] for each in Classes(["a", "b"], 2).best(scores)] == ["b", "2"]
    assert len(Classes([], 9).best(scores)) == 3


def test_logits_become_probabilities_however_large() -> None:
    scores = np.array([1000.0, 1001.0], np.float32)
    chances = Classes([], has_logits=True).probabilities(scores)
    assert chances.tolist() == pytest.approx([0.2689, 0.7311], abs=1e-4)


def test_labels_lose_only_true_ids(tmp_path: Path) -> None:
    file = tmp_path / "synset.txt"
    file.write_text("n02124075 Egyptian cat\ncrane\nn0212407 short\nnn2124075 letters\n")
    seen = read_labels(str(file))
    assert seen == ["Egyptian cat", "crane", "n0212407 short", "nn2124075 letters"]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("text/html", False),
        ("application/*", False),
        ("application/json, application/x-npy", False),
        ("application/x-npy", True),
        ("Application/X-NPY ; q=0.5", True),
        ("application/x-npy, */*;q=0.1", True),
        ("application/x-npy;q=0.2, application/json;q=0.1", True),
        ("application/x-npy;q=0.1, application/*", False),
        ("application/x-npy;q=0", False),
        ("application/x-npy;q=high", False),
    ],
)
def test_an_array_is_sent_to_who_prefers_one(accept: str | None, expected: bool) -> None:
    context = Context("m", "/", None, 1, None, "1")
    headers = {"body": {"content-type": "x"}, **({} if accept is None else {"ACCEPT": accept})}
    context.begin_batch({0: "0"}, [RequestProcessor(headers)])
    assert wants_npy(context, 0) is expected


def test_arrays_are_written_as_lists_or_as_a_file() -> None:
    array = np.array([[1, 2], [3, 4]])
    assert encode_json({"a": array}) == "[[1,2],[3,4]]"
    assert json.loads(encode_json({"a": array, "b": array[0]})) == {
        "a": [[1, 2], [3, 4]],
        "b": [1, 2],
    }
    assert np.load(io.BytesIO(encode_npy(array))).tolist() == array.tolist()


def test_what_json_has_not_is_null() -> None:
    array = np.array([[1.5, np.nan], [np.inf, -np.inf]], np.float32)
    assert encode_json({"a": array}) == "[[1.5,null],[null,null]]"
    whole = np.array([1, 2])
    assert encode_json({"a": array[0], "b": whole}) == '{"a":[1.5,null],"b":[1,2]}'
    assert encode_json({"a": np.array(np.nan)}) == "null"

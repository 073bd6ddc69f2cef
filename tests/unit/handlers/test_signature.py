from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mms.handlers.signature import (
    TensorSpec,
    choose_specs,
    find_signature,
    read_section,
    read_signature,
    read_specs,
)

KNOWN = [TensorSpec("a", (1, 3, 0, 0)), TensorSpec("b", (1,), "int64")]


def test_a_folder_without_one_has_an_empty_signature(tmp_path: Path) -> None:
    assert find_signature(str(tmp_path)) == {}
    (tmp_path / "signature.json").write_text('{"top_k": 1}')
    assert find_signature(str(tmp_path)) == {"top_k": 1}


@pytest.mark.parametrize("text", ["{", "[]", "1"])
def test_what_is_no_object_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "signature.json").write_text(text)
    with pytest.raises(ValueError, match=r"signature\.json: expected a JSON object"):
        find_signature(str(tmp_path))


@pytest.mark.parametrize("text", ["[]", "{}", '{"inputs": []}', '{"inputs": [{"data_name": "a"}]}'])
def test_a_signature_that_must_name_an_input_is_refused_without(text: str, tmp_path: Path) -> None:
    file = tmp_path / "signature.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"signature\.json: expected a JSON object"):
        read_signature(str(file))
    file.write_text('{"inputs": [{"data_name": "a", "data_shape": [0]}]}')
    assert read_signature(str(file))["inputs"][0]["data_name"] == "a"


def test_inputs_have_names_shapes_and_types() -> None:
    first = {"data_name": "a", "data_shape": [0, 2]}
    second = {"data_name": "b", "data_shape": [], "data_type": "int64"}
    assert read_specs({"inputs": [first, second]}, "inputs") == [
        TensorSpec("a", (0, 2), "float32"),
        TensorSpec("b", (), "int64"),
    ]
    assert read_specs({}, "outputs") == []


@pytest.mark.parametrize(
    "inputs", [1, [1], [{}], [{"data_name": "a", "data_shape": ["x"]}], {"a": 1}]
)
def test_what_names_no_inputs_is_refused(inputs: Any) -> None:
    with pytest.raises(ValueError, match="expected inputs"):
        read_specs({"inputs": inputs}, "inputs")


def test_without_a_word_the_models_own_are_taken() -> None:
    assert choose_specs({}, "inputs", KNOWN) == KNOWN


def test_a_signature_chooses_and_fills_in_what_is_open_but_for_the_batch() -> None:
    wanted = {"outputs": [{"data_name": "a", "data_shape": [8, 3, 5, 0]}]}
    assert choose_specs(wanted, "outputs", KNOWN) == [TensorSpec("a", (1, 3, 5, 0))]
    wanted = {"outputs": [{"data_name": "a", "data_shape": []}]}
    assert choose_specs(wanted, "outputs", KNOWN) == KNOWN[:1]


def test_inputs_may_come_in_any_order_but_none_may_be_left_out() -> None:
    first, second = ({"data_name": name, "data_shape": []} for name in "ba")
    assert choose_specs({"inputs": [first, second]}, "inputs", KNOWN) == KNOWN[::-1]
    with pytest.raises(ValueError, match="leaves out the model's inputs a"):
        choose_specs({"inputs": [first]}, "inputs", KNOWN)


def test_the_type_of_an_input_must_be_the_models_where_it_is_said() -> None:
    entry = {"data_name": "b", "data_shape": [], "data_type": "int64"}
    assert choose_specs({"inputs": [entry]}, "inputs", KNOWN[1:]) == KNOWN[1:]
    with pytest.raises(ValueError, match="says that 'b' is int32; the model says int64"):
        choose_specs({"inputs": [{**entry, "data_type": "int32"}]}, "inputs", KNOWN[1:])


@pytest.mark.parametrize("shape", [[0, 4, 0, 0], [0, 3, 0]])
def test_shapes_must_fit(shape: list[int]) -> None:
    wanted = {"inputs": [{"data_name": "a", "data_shape": shape}]}
    with pytest.raises(ValueError, match=r"the model says \(1, 3, any, any\)"):
        choose_specs(wanted, "inputs", KNOWN)


def test_names_must_be_the_models() -> None:
    wanted = {"outputs": [{"data_name": "c", "data_shape": [0]}]}
    with pytest.raises(ValueError, match=r"'c' in outputs; the model has \['a', 'b'\]"):
        choose_specs(wanted, "outputs", KNOWN)


SECTION = {"threads": object, "file": str, "trusted": list, "batched": bool, "arguments": dict}


def test_a_section_has_known_keys_only() -> None:
    assert read_section({"onnx": {"threads": 1}}, "onnx", SECTION) == {"threads": 1}
    assert read_section({}, "onnx", SECTION) == {}
    wrong: list[Any] = [{"thread": 1}, []]
    for section in wrong:
        with pytest.raises(ValueError, match=r"onnx may have arguments, .*; saw"):
            read_section({"onnx": section}, "onnx", SECTION)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("file", 3, "expected text, saw 3"),
        ("file", None, "expected text, saw None"),
        ("trusted", "a.B", "expected a list, saw 'a.B'"),
        ("batched", "no", "expected true or false, saw 'no'"),
        ("arguments", [1], r"expected an object, saw \[1\]"),
    ],
)
def test_settings_have_their_types(key: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"torch: {key}: {said}"):
        read_section({"torch": {key: value}}, "torch", SECTION)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"data_shape": [0, -1]}, r"inputs: 'x': expected sizes from 0, .* saw \[0, -1\]"),
        ({"data_shape": [0], "data_type": "float33"}, "'x': expected a data_type of bool, .*; saw"),
        ({"data_shape": [0], "data_type": "str"}, "object, uint8, .*; saw str"),
    ],
)
def test_what_would_refuse_every_request_fails_the_load(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_specs({"inputs": [{"data_name": "x", **entry}]}, "inputs")

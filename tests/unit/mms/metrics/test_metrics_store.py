"""The metrics API that handlers call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms.metrics.dimension import Dimension
from mms.metrics.metrics_store import MetricsStore

NET = Dimension("Net", "a")
OWN = ["Net:a", "ModelName:m", "Level:Model"]

ADDERS: dict[str, Callable[[MetricsStore, Any], None]] = {
    "counter": lambda store, dims: store.add_counter("x", 2, dimensions=dims),
    "time": lambda store, dims: store.add_time("x", 2, dimensions=dims),
    "size": lambda store, dims: store.add_size("x", 2, dimensions=dims),
    "percent": lambda store, dims: store.add_percent("x", 2, dimensions=dims),
    "metric": lambda store, dims: store.add_metric("x", 2, dimensions=dims),
    "error": lambda store, dims: store.add_error("x", 2, dimensions=dims),
}


def make_store() -> MetricsStore:
    return MetricsStore({0: "r0", 1: "r1"}, "m")


def dimensions_of(store: MetricsStore) -> list[str]:
    return [str(dimension) for dimension in store.store[0].dimensions]


@pytest.mark.parametrize("kind", ADDERS)
def test_own_dimensions_are_kept_and_the_list_is_not_changed(kind: str) -> None:
    store, dimensions = make_store(), [NET]
    ADDERS[kind](store, dimensions)
    ADDERS[kind](store, dimensions)
    assert dimensions == [NET]
    assert dimensions_of(store) == (["Net:a", "Level:Error"] if kind == "error" else OWN)
    assert len(store.store) == 1
    assert store.store[0].value == (4 if kind == "counter" else 2)


@pytest.mark.parametrize("wrong", [(), {"Net": "a"}, NET])
def test_dimensions_of_a_counter_must_be_a_list(wrong: object) -> None:
    with pytest.raises(ValueError, match="Please provide a list of dimensions"):
        ADDERS["counter"](make_store(), wrong)


@pytest.mark.parametrize("kind", sorted(ADDERS.keys() - {"counter"}))
@pytest.mark.parametrize("wrong", [(NET,), {"Net": "a"}, NET])
def test_other_dimensions_that_are_no_list_are_ignored(kind: str, wrong: object) -> None:
    store = make_store()
    ADDERS[kind](store, wrong)
    assert dimensions_of(store) == (["Level:Error"] if kind == "error" else OWN[1:])


def test_units() -> None:
    store = make_store()
    store.add_counter("a", 1)
    store.add_time("b", 1)
    store.add_time("b", 1, unit="s")
    store.add_size("c", 1)
    store.add_size("c", 1, unit="B")
    store.add_percent("d", 1)
    store.add_metric("e", 1)
    store.add_metric("e", 1, unit="Frames")
    store.add_error("f", "broken")
    assert [metric.unit for metric in store.store] == [
        "Count",
        "Milliseconds",
        "Seconds",
        "Megabytes",
        "Bytes",
        "Percent",
        "unit",
        "Frames",
        "",
    ]


def test_wrong_units() -> None:
    with pytest.raises(ValueError, match=r"time metric is one of \['ms', 's'\], not 'h'"):
        make_store().add_time("x", 1, unit="h")
    with pytest.raises(ValueError, match=r"one of \['MB', 'kB', 'GB', 'B'\], not 'TB'"):
        make_store().add_size("x", 1, unit="TB")


@pytest.mark.parametrize(("idx", "request_id"), [(None, "r0,r1"), (1, "r1"), (7, "r0,r1")])
def test_request(idx: int | None, request_id: str) -> None:
    store = make_store()
    store.add_counter("x", 1, idx)
    assert store.store[0].request_id == request_id


def test_ids_need_not_be_a_dict() -> None:
    store = MetricsStore(1, "m")
    store.add_counter("x", 1, 0)
    assert store.store[0].request_id == 1
    assert dimensions_of(store) == ["ModelName:m", "Level:Model"]


def test_without_ids_the_level_is_error() -> None:
    store = MetricsStore(None, "m")
    store.add_metric("x", 1)
    assert dimensions_of(store) == ["Level:Error"]


def test_errors_have_no_request() -> None:
    store = make_store()
    store.add_error("Fault", "no weights")
    assert store.store[0].request_id is None
    assert str(store.store[0]).startswith("Fault.:no weights|#Level:Error|#hostname:")


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([None, 0, 1]), st.integers())))
def test_counters_add_up_per_name_and_request(calls: list[tuple[str, int | None, int]]) -> None:
    store = make_store()
    expected: dict[tuple[str, int | None], int] = {}
    for name, idx, value in calls:
        store.add_counter(name, value, idx)
        expected[name, idx] = expected.get((name, idx), 0) + value
    assert [metric.value for metric in store.store] == list(expected.values())

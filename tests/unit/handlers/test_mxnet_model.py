"""Any MXNet model, arrays in and out: small graphs and networks, in MXNet itself."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support import mxnet_side
from support.mxnet_environment import TIMEOUT_S, MxnetProcess, SideError

pytestmark = pytest.mark.timeout(TIMEOUT_S)

HANDLER = "mms.handlers.mxnet_model"
SIGNATURE: dict[str, Any] = {"inputs": [{"data_name": "data", "data_shape": [1, 2]}]}

DENSE = """
data = mx.sym.var("data")
symbol = mx.sym.FullyConnected(data, num_hidden=3, name="dense")
weights = {
    "dense_weight": mx.nd.array([[1, 0], [0, 1], [1, 1]]),
    "dense_bias": mx.nd.array([0, 0, 5]),
}
"""
TRAINED = f"""{DENSE}
symbol = mx.sym.SoftmaxOutput(mx.sym.BatchNorm(symbol, name="norm"), name="softmax")
weights.update(norm_gamma=mx.nd.ones(3), norm_beta=mx.nd.zeros(3))
states = {{"norm_moving_mean": mx.nd.zeros(3), "norm_moving_var": mx.nd.ones(3)}}
"""
TWO = """
one, other = mx.sym.var("one"), mx.sym.var("other")
symbol = mx.sym.Group([
    mx.sym.elemwise_add(one, other, name="total"),
    mx.sym.broadcast_maximum(one, other, name="larger"),
])
weights = {}
"""
SQUARE = 'symbol, weights = mx.sym.square(mx.sym.var("data"), name="square"), {}'

SAVE = (
    'mx.model.save_checkpoint(values[0] + "/net", 0, symbol, weights, globals().get("states", {}))'
)

BOUND = """
engine = loaded["entry"].handle.__self__._engine
result = [shape for ((_, shape),) in engine._bound]
"""

NETWORK = """
from mxnet.gluon import Block, nn

class Tower(Block):
    def __init__(self, width=3):
        super().__init__()
        self.dense = nn.Dense(width, in_units=2)

    def forward(self, x):
        return self.dense(x)

class Halves(Block):
    def forward(self, x):
        return x[:, :1], x[:, 1:]

def narrow():
    return Tower(2)

answer = 42
"""
SAVE_NETWORK = """
import sys
sys.path.insert(0, values[0])
import network
tower = network.Tower()
tower.initialize()
tower.dense.weight.set_data(mx.nd.array([[1, 0], [0, 1], [1, 1]]))
tower.save_parameters(values[0] + "/tower.params")
"""


class Models:
    """Makes models in a folder, loads and asks them."""

    def __init__(self, folder: Path, mxnet: MxnetProcess) -> None:
        self.folder = folder
        self._mxnet = mxnet

    def save(self, code: str, **signature: Any) -> None:
        """Save a checkpoint `net` of a `symbol` and `weights`, and the signature."""
        self._mxnet.call(mxnet_side.run, f"{code}\n{SAVE}", str(self.folder))
        self.sign(**signature)

    def save_network(self, text: str, **signature: Any) -> None:
        (self.folder / "network.py").write_text(NETWORK)
        self._mxnet.call(mxnet_side.run, SAVE_NETWORK, str(self.folder))
        self.sign(mxnet={"network": text}, **signature)

    def sign(self, **signature: Any) -> None:
        (self.folder / "signature.json").write_text(json.dumps({**SIGNATURE, **signature}))

    def load(self, gpu_id: int | None = None) -> None:
        self._mxnet.call(mxnet_side.load, str(self.folder), HANDLER, gpu_id)

    def refuse(self) -> str:
        """Load what cannot be loaded; returns what is said."""
        with pytest.raises(SideError) as raised:
            self.load()
        return str(raised.value)

    def ask(self, *requests: dict[str, Any]) -> list[tuple[int, Any]]:
        answers = self._mxnet.call(mxnet_side.predict, *requests)
        return [(status, json.loads(body)) for status, body in answers]


@pytest.fixture
def models(tmp_path: Path, mxnet: MxnetProcess) -> Models:
    return Models(tmp_path, mxnet)


def test_a_checkpoint_answers_a_row_rows_and_a_batch(models: Models) -> None:
    models.save(DENSE)
    models.load()
    answers = models.ask({"body": [1, 2]}, {"body": [[3, 4], [5, 6]]}, {"data": b"[0, 1]"})
    assert answers == [
        (200, [1, 2, 8]),
        (200, [[3, 4, 12], [5, 6, 16]]),
        (200, [0, 1, 6]),
    ]


def test_batches_of_many_sizes_in_turn(models: Models) -> None:
    models.save(DENSE)
    models.load()
    for rows in (1, 2, 3, 7, 40, 64, 71, 8, 16, 32, 2, 1):
        answers = models.ask(*[{"body": [row, 1]} for row in range(rows)])
        assert answers == [(200, [row, 1, row + 6]) for row in range(rows)]


def test_graphs_are_bound_for_powers_of_two_when_loaded(
    models: Models, mxnet: MxnetProcess
) -> None:
    models.save(DENSE)
    models.load()  # with a batch size of 8
    assert mxnet.call(mxnet_side.run, BOUND) == [(8, 2), (4, 2), (2, 2), (1, 2)]
    models.ask(*[{"body": [1, 2]}] * 7)
    assert mxnet.call(mxnet_side.run, BOUND) == [(8, 2), (4, 2), (2, 2), (1, 2)]


def test_what_only_training_needs_is_not_asked_for(models: Models) -> None:
    models.save(TRAINED)
    models.load()
    for rows in (1, 3):
        for status, answer in models.ask(*[{"body": [2, 1]}] * rows):
            assert status == 200
            assert sum(answer) == pytest.approx(1)
            assert answer[2] > 0.9


def test_several_inputs_and_outputs_have_their_names(models: Models) -> None:
    inputs = [{"data_name": name, "data_shape": [0, 2]} for name in ("one", "other")]
    models.save(TWO, inputs=inputs)
    models.load()
    (answer,) = models.ask({"one": [1, 5], "other": [3, 4]})
    assert answer == (200, {"total": [4, 9], "larger": [3, 5]})
    models.sign(inputs=inputs, outputs=[{"data_name": "larger", "data_shape": [0, 2]}])
    models.load()
    assert models.ask({"one": [1, 5], "other": [3, 4]}) == [(200, [3, 5])]


def test_the_only_output_has_the_name_of_the_signature(models: Models) -> None:
    models.save(DENSE, outputs=[{"data_name": "softmax", "data_shape": [1, 3]}])
    models.load()
    assert models.ask({"body": [1, 2]}) == [(200, [1, 2, 8])]


def test_sizes_may_be_open(models: Models) -> None:
    models.save(SQUARE, inputs=[{"data_name": "data", "data_shape": [0, 0]}])
    models.load()
    answers = models.ask({"body": [1, 2]}, {"body": [3, 4, 5]}, {"body": [6, 7]})
    assert answers == [(200, [1, 4]), (200, [9, 16, 25]), (200, [36, 49])]


def test_only_the_last_shapes_stay_bound(models: Models, mxnet: MxnetProcess) -> None:
    models.save(SQUARE, inputs=[{"data_name": "data", "data_shape": [0, 0]}])
    models.load()
    for size in (*range(1, 9), 1):
        assert models.ask({"body": [size] * size}) == [(200, [size * size] * size)]
    bound = mxnet.call(mxnet_side.run, BOUND)
    assert bound == [(1, 4), (1, 5), (1, 6), (1, 7), (1, 8), (1, 1)]


def test_parameters_are_not_measured_while_sizes_are_open(models: Models) -> None:
    models.save(DENSE, inputs=[{"data_name": "data", "data_shape": [0, 0]}])
    models.load()
    good, (status, answer), more = models.ask(
        {"body": [1, 2]}, {"body": [1, 2, 3]}, {"body": [3, 4]}
    )
    assert (good, more) == ((200, [1, 2, 8]), (200, [3, 4, 12]))
    assert status == 400
    assert answer["message"].startswith("The model cannot take data of float32 (1, 3): ")
    assert "operator dense: Shape inconsistent" in answer["message"]


def test_the_type_of_an_input_is_the_signatures(models: Models) -> None:
    inputs = [{"data_name": "data", "data_shape": [0, 2], "data_type": "int32"}]
    models.save(SQUARE, inputs=inputs)
    models.load()
    answers = models.ask({"body": [40000, 2]}, {"body": [1.5, 2]})
    assert answers[0] == (200, [1600000000, 4])
    assert answers[1][0] == 400
    assert "not whole" in answers[1][1]["message"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([1, 2, 3], r"expected the shape \(any, 2\)"),
        ([[[1, 2]]], r"expected the shape \(any, 2\)"),
        (["a", "b"], "'data': expected float32"),
        ([[1, 2], [3]], "'data': expected float32"),
        (b"{", "Expected JSON"),
    ],
)
def test_an_array_that_does_not_fit_is_the_clients_mistake(
    body: Any, said: str, models: Models
) -> None:
    models.save(DENSE)
    models.load()
    (status, answer), other = models.ask({"body": body}, {"body": [1, 2]})
    assert (status, answer["type"]) == (400, "BadRequestException")
    assert re.search(said, answer["message"])
    assert other == (200, [1, 2, 8])


def test_a_gpu_that_mxnet_does_not_see_stays_unused(models: Models) -> None:
    models.save(DENSE)
    models.load(gpu_id=3)
    assert models.ask({"body": [1, 2]}) == [(200, [1, 2, 8])]


def test_the_threads_are_those_of_the_signature(models: Models, mxnet: MxnetProcess) -> None:
    models.save(DENSE, mxnet={"threads": 3})
    models.load()
    threads = 'import os; result = os.environ["OMP_NUM_THREADS"]'  # read when MXNet is imported
    assert mxnet.call(mxnet_side.run, threads) == "3"
    assert models.ask({"body": [1, 2]}) == [(200, [1, 2, 8])]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('del weights["dense_bias"]', "do not fit the graph: dense_bias missing"),
        (
            'weights["dense_wieght"] = weights.pop("dense_weight")',
            "dense_weight missing; dense_wieght not in the graph",
        ),
        (
            'weights["dense_weight"] = mx.nd.zeros((3, 4))',
            "dense_weight (3, 4) in place of (3, 2)",
        ),
    ],
)
def test_parameters_that_do_not_fit_the_graph_are_named(
    change: str, said: str, models: Models
) -> None:
    models.save(f"{DENSE}\n{change}")
    message = models.refuse()
    assert message.startswith("ValueError: The parameters do not fit the graph: ")
    assert said in message
    assert message.endswith("net-0000.params, with data (any, 2))")


def test_many_faults_are_counted(models: Models) -> None:
    models.save(f'{DENSE}\nweights = {{f"w{{n}}": mx.nd.zeros(1) for n in range(9)}}')
    assert "w0, w1, w2, w3, w4 and 4 more not in the graph" in models.refuse()


def test_parameters_that_are_left_over_do_no_harm(models: Models) -> None:
    models.save(f'{DENSE}\nweights["left_over"] = mx.nd.zeros(1)')
    models.load()
    assert models.ask({"body": [1, 2]}) == [(200, [1, 2, 8])]


def test_files_may_have_any_names_if_they_are_named(models: Models) -> None:
    models.save(DENSE, mxnet={"symbol": "graph.json"})
    (models.folder / "net-symbol.json").rename(models.folder / "graph.json")
    models.load()
    assert models.ask({"body": [1, 2]}) == [(200, [1, 2, 8])]


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        (
            {"inputs": [{"data_name": "pixels", "data_shape": [0, 2]}]},
            "signature.json has pixels in inputs; the graph has data",
        ),
        (
            {"inputs": [{"data_name": "data", "data_shape": [0, 4]}]},
            "dense_weight (3, 2) in place of (3, 4) (in ",
        ),
        (
            {"outputs": [{"data_name": "softmax", "data_shape": [0, 1000]}]},
            "'softmax' has the shape (any, 1000); the model says (any, 3)",
        ),
        ({"inputs": []}, "an MXNet model does not say them itself"),
        ({"inputs": [{"data_name": "data"}]}, "data_name, data_shape"),
        (
            {"mxnet": {"parms": "net-0000.params"}},
            "mxnet may have network, params, symbol, threads",
        ),
        ({"mxnet": {"threads": 0}}, "threads: expected a number from 1, or 'share'; saw 0"),
    ],
)
def test_a_signature_that_does_not_fit_the_graph_is_refused(
    signature: dict[str, Any], said: str, models: Models
) -> None:
    models.save(DENSE, **signature)
    message = models.refuse()
    assert message.startswith("ValueError: ")
    assert said in message


def test_an_output_that_the_graph_lacks_is_refused(models: Models) -> None:
    inputs = [{"data_name": name, "data_shape": [0, 2]} for name in ("one", "other")]
    models.save(TWO, inputs=inputs, outputs=[{"data_name": "sum", "data_shape": [0, 2]}])
    assert "'sum' in outputs; the model has ['total', 'larger']" in models.refuse()


def test_a_shape_that_the_graph_cannot_take_is_refused(models: Models) -> None:
    pool = 'symbol = mx.sym.Pooling(mx.sym.var("data"), kernel=(2, 2), name="pool"); weights = {}'
    models.save(pool)
    message = models.refuse()
    assert "signature.json says data (any, 2), which the graph cannot take: " in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("net-symbol.json", "no file NAME-symbol.json; it has net-0000.params, signature.json."),
        ("net-0000.params", "no file net-0000.params; it has net-symbol.json, signature.json."),
        ("signature.json", "an MXNet model does not say them itself"),
    ],
)
def test_a_missing_file_is_named(name: str, said: str, models: Models) -> None:
    models.save(DENSE)
    (models.folder / name).unlink()
    assert said in models.refuse()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("net-symbol.json", "is not an MXNet symbol: "),
        ("net-0000.params", "has no MXNet parameters: Check failed: header"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_named(
    name: str, said: str, models: Models
) -> None:
    models.save(DENSE)
    (models.folder / name).write_bytes(b"not what it should be" * 8)
    message = models.refuse()
    assert f"{name} {said}" in message
    assert "\n" not in message


def test_parameters_without_names_are_refused(models: Models, mxnet: MxnetProcess) -> None:
    models.save(DENSE)
    code = 'mx.nd.save(values[0] + "/net-0000.params", [mx.nd.zeros(1)])'
    mxnet.call(mxnet_side.run, code, str(models.folder))
    assert models.refuse().endswith("net-0000.params has arrays without names")


def test_one_of_several_checkpoints_must_be_chosen(models: Models) -> None:
    models.save(DENSE)
    params = (models.folder / "net-0000.params").read_bytes()
    (models.folder / "net-0012.params").write_bytes(params)
    assert 'as in "mxnet": {"params": "net-0012.params"}' in models.refuse()
    models.sign(mxnet={"params": "net-0012.params"})
    models.load()
    assert models.ask({"body": [1, 2]}) == [(200, [1, 2, 8])]
    models.sign(mxnet={"params": "other.params"})
    assert "no file other.params; it has net-0000.params" in models.refuse()


def test_a_network_of_the_archive_is_served(models: Models) -> None:
    models.save_network("network:Tower")
    models.load()
    answers = models.ask({"body": [1, 2]}, {"body": [3, 4]})
    assert answers == [(200, [1, 2, 3]), (200, [3, 4, 7])]


def test_a_network_may_have_several_outputs_and_no_parameters(models: Models) -> None:
    models.save_network("network:Halves")
    (models.folder / "tower.params").unlink()
    models.load()
    assert models.ask({"body": [1, 2]}) == [(200, {"output0": [1], "output1": [2]})]


def test_a_network_with_open_sizes_must_name_its_outputs(models: Models) -> None:
    inputs = [{"data_name": "data", "data_shape": [0, 0]}]
    models.save_network("network:Halves", inputs=inputs)
    (models.folder / "tower.params").unlink()
    assert "cannot be found out with inputs whose sizes are open" in models.refuse()
    outputs = [{"data_name": name, "data_shape": [0, 0]} for name in ("first", "rest")]
    models.sign(mxnet={"network": "network:Halves"}, inputs=inputs, outputs=outputs)
    models.load()
    assert models.ask({"body": [1, 2, 3]}) == [(200, {"first": [1], "rest": [2, 3]})]


def test_a_shape_that_only_the_network_knows_is_refused_by_it(models: Models) -> None:
    inputs = [{"data_name": "data", "data_shape": [0, 0]}]
    outputs = [{"data_name": "sums", "data_shape": [0, 3]}]
    models.save_network("network:Tower", inputs=inputs, outputs=outputs)
    models.load()
    good, (status, answer) = models.ask({"body": [1, 2]}, {"body": [1, 2, 3]})
    assert good == (200, [1, 2, 3])
    assert status == 400
    assert answer["message"].startswith("The model cannot take data of float32 (1, 3): ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("network", "expected a network as module:callable, saw 'network'"),
        ("network:", "expected a network as module:callable, saw 'network:'"),
        ("network:answer", "network: network has no function or class answer"),
        ("network:len", "network: network has no function or class len"),
        ("networks:Tower", "No module named 'networks'"),
        ("network:narrow", "The parameters in tower.params do not fit the network: "),
    ],
)
def test_what_is_no_network_is_refused(text: str, said: str, models: Models) -> None:
    models.save_network(text)
    assert said in models.refuse()


def test_a_callable_that_makes_something_else_is_refused(models: Models) -> None:
    models.save_network("collections:OrderedDict")
    assert "collections:OrderedDict makes a OrderedDict, not a Gluon Block" in models.refuse()


def test_parameters_of_a_network_must_be_there(models: Models) -> None:
    models.save_network("network:Tower")
    (models.folder / "tower.params").unlink()
    assert "The model has no file NAME.params; it has network.py" in models.refuse()


def test_a_network_that_cannot_run_its_inputs_fails_the_load(models: Models) -> None:
    models.save_network("network:Tower", inputs=[{"data_name": "data", "data_shape": [0, 7]}])
    assert "The model cannot run on data (any, 7): " in models.refuse()

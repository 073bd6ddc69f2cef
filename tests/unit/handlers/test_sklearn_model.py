from __future__ import annotations

import json
import pickle
import re
import statistics
from pathlib import Path
from typing import Any

import joblib
import pandas
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from mms.handlers.sklearn_model import SklearnEngine, SklearnModel
from mms.worker.loader import load
from support.handlers import Serving

TRANSFORM = [{"data_name": "transform", "data_shape": [0, 0]}]
FLOWERS, KINDS = load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def estimator() -> Any:
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    return pipeline.fit(FLOWERS, KINDS)


def save(estimator: Any, folder: Path, name: str = "model.joblib") -> Path:
    file = folder / name
    if name.endswith("skops"):
        skops.io.dump(estimator, file)
    elif name.endswith("joblib"):
        joblib.dump(estimator, file)
    else:
        file.write_bytes(pickle.dumps(estimator))
    return folder


def serve(folder: Path, **signature: Any) -> SklearnModel:
    if signature:
        (folder / "signature.json").write_text(json.dumps(signature))
    handler = SklearnModel()
    Serving().load(handler, folder)
    return handler


@pytest.mark.parametrize("name", ["model.skops", "model.joblib", "model.pkl"])
def test_an_estimator_is_served_from_its_file_alone(
    name: str, estimator: Any, tmp_path: Path
) -> None:
    handler = serve(save(estimator, tmp_path, name))
    answers, context = Serving().handle(
        handler,
        {"body": FLOWERS[0].tolist()},
        {"body": [1, 2]},
        {"x": FLOWERS[[60, 140]].tolist()},
    )
    one, two = json.loads(answers[0]), json.loads(answers[2])
    assert one["predict"] == 0
    assert one["predict_proba"] == pytest.approx(estimator.predict_proba(FLOWERS[:1])[0])
    assert two["predict"] == [1, 2]
    assert context.get_response_status(1)[0] == 400
    assert "expected the shape (any, 4), or one row of it" in json.loads(answers[1])["message"]


def test_a_batch_is_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    infer = SklearnEngine.infer

    def note(engine: SklearnEngine, arrays: Any, names: Any) -> Any:
        calls.append(len(arrays["x"]))
        return infer(engine, arrays, names)

    monkeypatch.setattr(SklearnEngine, "infer", note)
    handler = serve(save(LinearRegression().fit(FLOWERS, KINDS), tmp_path))
    answers, _ = Serving().handle(handler, *({"x": row.tolist()} for row in FLOWERS[:5]))
    assert calls == [5]
    assert [round(json.loads(answer)) for answer in answers] == [0] * 5


def test_the_signature_chooses_methods(estimator: Any, tmp_path: Path) -> None:
    outputs = [{"data_name": "decision_function", "data_shape": [0, 3]}]
    handler = serve(save(estimator, tmp_path), outputs=outputs)
    (answer,), _ = Serving().handle(handler, {"x": FLOWERS[0].tolist()})
    assert json.loads(answer) == pytest.approx(estimator.decision_function(FLOWERS[:1])[0])


def test_texts_are_classified(tmp_path: Path) -> None:
    texts = ["good film", "fine film", "bad film", "poor film"]
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(
        texts, ["up", "up", "down", "down"]
    )
    text = {"data_name": "text", "data_shape": [0], "data_type": "object"}
    handler = serve(
        save(model, tmp_path),
        inputs=[text],
        outputs=[{"data_name": "predict", "data_shape": [0]}],
    )
    answers, _ = Serving().handle(
        handler, {"body": "a good one"}, {"body": ["poor, bad", "fine"]}, {"body": [1]}
    )
    assert [json.loads(answer) for answer in answers[:2]] == ["up", ["down", "up"]]
    assert json.loads(answers[2])["code"] == 400


def test_sparse_answers_are_filled_in(tmp_path: Path) -> None:
    model = CountVectorizer().fit(["one two", "two three"])
    handler = serve(
        save(model, tmp_path),
        inputs=[{"data_name": "text", "data_shape": [0], "data_type": "object"}],
        outputs=[{"data_name": "transform", "data_shape": [0, 0]}],
    )
    (answer,), _ = Serving().handle(handler, {"body": "two two one"})
    assert json.loads(answer) == [1, 0, 2]


def test_types_in_a_skops_file_must_be_trusted_by_name(tmp_path: Path) -> None:
    model = make_pipeline(FunctionTransformer(statistics.mean), StandardScaler())
    folder = save(model, tmp_path, "model.skops")
    with pytest.raises(ValueError, match=r"not scikit-learn's: statistics\.mean\. If you trust"):
        serve(folder)
    trusting = {"inputs": [{"data_name": "x", "data_shape": [0, 4]}]}
    outputs = [{"data_name": "transform", "data_shape": []}]
    serve(folder, sklearn={"trusted": ["statistics.mean"]}, outputs=outputs, **trusting)


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        (
            {"outputs": [{"data_name": "fit", "data_shape": []}]},
            "has fit in outputs; Pipeline has predict",
        ),
        ({"inputs": [{"data_name": n, "data_shape": [0]} for n in "ab"]}, "has one input, saw 2"),
        ({"sklearn": {"trust": []}}, "sklearn may have file, trusted"),
    ],
)
def test_a_signature_that_does_not_fit_fails_the_load(
    signature: dict[str, Any], said: str, estimator: Any, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        serve(save(estimator, tmp_path), **signature)


@pytest.mark.parametrize("name", ["model.skops", "model.joblib", "model.pkl"])
@pytest.mark.parametrize("content", [b"", b"not what it should be"])
def test_a_file_that_cannot_be_read_is_named(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{re.escape(name)} cannot be loaded: \w+: "):
        serve(tmp_path)


def test_what_a_pickle_imports_in_vain_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"cno_such_module\nThing\n.")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        serve(tmp_path)


def test_what_is_no_estimator_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(ValueError, match=r"model\.pkl holds a list, not an estimator: .*predict"):
        serve(tmp_path)


def test_what_cannot_be_known_must_be_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='"data_type": "object"'):
        serve(save(CountVectorizer().fit(["a word"]), tmp_path))
    with pytest.raises(ValueError, match="has nothing in outputs; CountVectorizer has transform"):
        serve(tmp_path, inputs=[{"data_name": "x", "data_shape": [0], "data_type": "object"}])


@pytest.mark.parametrize("shape", [[0, 5], [0], [0, 2, 2], []])
def test_a_shape_that_is_not_what_it_was_fitted_with_fails_the_load(
    shape: list[int], estimator: Any, tmp_path: Path
) -> None:
    inputs = [{"data_name": "flower", "data_shape": shape}]
    with pytest.raises(ValueError, match=r"'flower' has the shape .* fitted with \(any, 4\)"):
        serve(save(estimator, tmp_path), inputs=inputs)


def test_columns_that_the_signature_leaves_open_are_the_estimators(
    estimator: Any, tmp_path: Path
) -> None:
    inputs = [{"data_name": "flower", "data_shape": [0, 0]}]
    handler = serve(save(estimator, tmp_path), inputs=inputs)
    (answer,), _ = Serving().handle(handler, {"body": [1, 2]})
    assert "expected the shape (any, 4)" in json.loads(answer)["message"]


def test_what_is_no_finite_number_is_refused_with_its_place(estimator: Any, tmp_path: Path) -> None:
    handler = serve(save(estimator, tmp_path))
    good = FLOWERS[0].tolist()
    requests = [good, [5, 3, None, 0], [good, [1, 2, 3, float("inf")]], [*good[:3], "nan"], good]
    answers, context = Serving().handle(handler, *({"body": each} for each in requests))
    statuses = [context.get_response_status(place)[0] for place in range(5)]
    assert statuses == [200, 400, 400, 400, 200]
    said = [json.loads(answer)["message"] for answer in answers[1:4]]
    assert said[0].startswith("Input 'x' has null or NaN in row 0, column 2, both counted from 0; ")
    assert said[1].startswith("Input 'x' has inf in row 1, column 3, both")
    assert said[2].startswith("Input 'x' has null or NaN in row 0, column 3, both")
    (answer,), _ = Serving().handle(handler, {"body": [5, 3, None, 0]})
    assert json.loads(answer)["code"] == 400, "alone, too"


def test_an_estimator_that_takes_gaps_gets_them(tmp_path: Path) -> None:
    model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()).fit(
        FLOWERS, KINDS
    )
    handler = serve(save(model, tmp_path))
    (answer,), _ = Serving().handle(handler, {"body": [5.1, 3.5, None, 0.2]})
    assert json.loads(answer)["predict"] in (0, 1, 2)


def test_other_values_that_it_cannot_take_are_refused_in_its_words(tmp_path: Path) -> None:
    handler = serve(save(OneHotEncoder().fit([[1], [2]]), tmp_path), outputs=TRANSFORM)
    answers, context = Serving().handle(handler, {"body": [2]}, {"body": [3]})
    assert json.loads(answers[0]) == [0, 1]
    assert context.get_response_status(1)[0] == 400
    message = json.loads(answers[1])["message"]
    assert message.startswith("The model cannot take x of float64 (1, 1): Found unknown categories")
    assert "\n" not in message


def test_what_was_fitted_with_a_frame_gets_one(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"long": [1.0, 2.0, 3.0], "wide": [10.0, 20.0, 30.0]})
    model = make_column_transformer((StandardScaler(), ["wide"]), ("passthrough", ["long"]))
    handler = serve(save(model.fit(frame), tmp_path), outputs=TRANSFORM)
    answers, _ = Serving().handle(handler, {"body": [1, 20]}, {"body": [[2, 20], [None, 20]]})
    assert json.loads(answers[0]) == [0, 1]
    assert json.loads(answers[1]) == [[0, 2], [0, None]]
    (tmp_path / "signature.json").unlink()
    handler = serve(save(LinearRegression().fit(frame, [1, 2, 3]), tmp_path))
    (answer,), _ = Serving().handle(handler, {"body": [1, None]})
    assert "in row 0, column 1 (wide)" in json.loads(answer)["message"]


def test_a_missing_file_is_named_with_what_it_may_be_called(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"model\.skops or model\.joblib or model\.pkl"):
        serve(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"has no mine\.pkl"):
        serve(tmp_path, sklearn={"file": "mine.pkl"})


def test_an_archive_needs_no_code(tmp_path: Path) -> None:
    entry = load("mms.handlers.sklearn_model", str(tmp_path))
    assert isinstance(getattr(entry.handle, "__self__", None), SklearnModel)

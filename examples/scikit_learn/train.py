"""Learns to read handwritten digits, and writes the model and a request for it."""

from __future__ import annotations

import json
from pathlib import Path

import skops.io
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pictures, digits = load_digits(return_X_y=True)
seen, held_back, answers, held_back_answers = train_test_split(pictures, digits, random_state=1)
model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(seen, answers)
print(f"right on {model.score(held_back, held_back_answers):.0%} of the digits held back")

Path("model").mkdir(exist_ok=True)
skops.io.dump(model, "model/model.skops")
Path("request.json").write_text(json.dumps(held_back[0].tolist()))
print(f"request.json is a {held_back_answers[0]}")

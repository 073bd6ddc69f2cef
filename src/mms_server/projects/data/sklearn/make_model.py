"""Makes the model's file, where your training would: a regression that has learnt to double."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skops.io
from sklearn.linear_model import LinearRegression

rows = np.vstack([np.eye(4), np.ones((1, 4)), np.zeros((1, 4))])
skops.io.dump(LinearRegression().fit(rows, 2 * rows), Path(__file__).parent / "model/model.skops")

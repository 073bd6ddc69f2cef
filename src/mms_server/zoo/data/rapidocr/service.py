"""Reads the text in a picture, with the PP-OCR models that RapidOCR carries.

Three models one after the other: the first finds lines of text, the second tells which of them
stand on their heads, the third reads them. The figures are those of RapidOCR 3.10
(RapidAI/RapidOCR, `config.yaml`); the geometry is in numpy, so that OpenCV is not needed.
"""

from __future__ import annotations

import math
import os
from typing import Any

from mms.context import Context
from mms.handlers.base import Handler, find_input, require
from mms.handlers.onnx_session import open_session
from mms.handlers.pictures import PictureDecoder

MIN_SIDE, MAX_SIDE, MULTIPLE = 736, 2000, 32
PIXEL_THRESHOLD, BOX_THRESHOLD, UNCLIP = 0.3, 0.5, 1.6
MIN_BOX = 3
TURN_WIDTH, TURN_THRESHOLD = 192, 0.9
LINE_HEIGHT, LINE_WIDTH = 48, 320
LINES_AT_ONCE = 6
TEXT_THRESHOLD = 0.5
SAME_LINE = 10  # pixels between the tops of boxes that stand in one line


class TextHandler(Handler):
    """Answers the lines of a picture from top to bottom: `text`, `score` and `box` of each.

    A box is four corners [x, y] in pixels, clockwise from where the text begins.
    """

    def initialize(self, context: Context) -> None:
        """Load the three models, and the characters that the third knows."""
        self._numpy = require("numpy", "numpy")
        self._image = require("PIL.Image", "pillow")
        self._decoder = PictureDecoder()
        folder = context.system_properties["model_dir"]
        self._det, self._cls, self._rec = (
            open_session(os.path.join(folder, f"{name}.onnx")) for name in ("det", "cls", "rec")
        )
        characters = self._rec.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._characters = ["", *characters, " "]

    def preprocess(self, request: dict[str, Any]) -> Any:
        """Decode a picture."""
        return self._decoder.decode(find_input(request, "body", "data"))

    def inference(self, inputs: list[Any]) -> list[list[dict[str, Any]]]:
        """Find the lines of each picture, then read those of all pictures together."""
        boxes = [self._find(picture) for picture in inputs]
        lines = [self._cut(picture, box) for picture, found in zip(inputs, boxes) for box in found]
        texts = iter(self._read_either_way(lines))
        return [
            [
                {"text": text, "score": score, "box": box.round().astype(int).tolist()}
                for box, (text, score) in zip(found, texts)
                if score >= TEXT_THRESHOLD
            ]
            for found in boxes
        ]

    def _find(self, picture: Any) -> list[Any]:
        """Find lines: the first model tells of each pixel how surely it belongs to one.

        Returns boxes: float (4, 2), in pixels of the picture.
        """
        numpy = self._numpy
        width, height = _fit(*picture.size)
        pixels = self._to_array(picture.resize((width, height), self._image.Resampling.BILINEAR))
        chances = self._det.run(None, {"x": pixels[None]})[0][0, 0]
        ratio = numpy.array([picture.width / width, picture.height / height])
        found = []
        for runs in _components(self._dilate(chances > PIXEL_THRESHOLD).tolist()):
            sure = numpy.concatenate([chances[y, left:right] for y, left, right in runs])
            corners = [(x, z) for y, left, right in runs for x in (left, right) for z in (y, y + 1)]
            box, sides = self._box_around(numpy.array(_hull(corners), float))
            if min(sides) >= MIN_BOX and sure.mean() >= BOX_THRESHOLD:
                found.append((box * ratio).clip(0, picture.size))
        return _in_reading_order(found)

    def _box_around(self, hull: Any) -> tuple[Any, tuple[float, float]]:
        """Find the smallest box around points, at whatever angle, and grow it (its sides: before).

        One side of the smallest lies along an edge of the hull.
        """
        numpy = self._numpy
        boxes: list[Any] = []
        for along in numpy.roll(hull, -1, axis=0) - hull:
            along = along / numpy.linalg.norm(along)
            axes = numpy.array([along, [-along[1], along[0]]])
            low, high = (hull @ axes.T).min(axis=0), (hull @ axes.T).max(axis=0)
            boxes.append((axes, low, high))
        axes, low, high = min(boxes, key=lambda each: (each[2] - each[1]).prod())
        wide, tall = high - low
        margin = wide * tall * UNCLIP / (2 * (wide + tall))
        (left, top), (right, bottom) = low - margin, high + margin
        box = numpy.array([[left, top], [right, top], [right, bottom], [left, bottom]]) @ axes
        return self._clockwise(box), (wide, tall)

    def _clockwise(self, box: Any) -> Any:
        """Order corners clockwise from the upper left: of the two on the left, the upper one."""
        left, right = (sorted(map(tuple, part), key=_y) for part in _halves(box))
        return self._numpy.array([left[0], right[0], right[1], left[1]])

    def _cut(self, picture: Any, box: Any) -> Any:
        """Cut a line out and lay it level; one that runs downwards is turned."""
        sides = self._numpy.linalg.norm(box - self._numpy.roll(box, -1, axis=0), axis=1)
        size = (max(1, int(max(sides[0], sides[2]))), max(1, int(max(sides[1], sides[3]))))
        corners = [float(each) for corner in (0, 3, 2, 1) for each in box[corner]]
        image = self._image
        line = picture.transform(size, image.Transform.QUAD, corners, image.Resampling.BICUBIC)
        return line.transpose(image.Transpose.ROTATE_90) if size[1] >= 1.5 * size[0] else line

    def _read_either_way(self, lines: list[Any]) -> list[tuple[str, float]]:
        """Read lines, and those that may stand on their heads also the other way round.

        RapidOCR believes the second model, which takes some level lines for upside down; here the
        way counts that reads better.
        """
        suspects = self._upside_down(lines)
        texts = self._read(lines + [lines[place].rotate(180) for place in suspects])
        for place, turned in zip(suspects, texts[len(lines) :]):
            texts[place] = max(texts[place], turned, key=_score)
        return texts[: len(lines)]

    def _upside_down(self, lines: list[Any]) -> list[int]:
        places = []
        for start in range(0, len(lines), LINES_AT_ONCE):
            part = lines[start : start + LINES_AT_ONCE]
            batch = self._numpy.stack([self._to_line(line, TURN_WIDTH) for line in part])
            chances = self._cls.run(None, {"x": batch})[0]
            places += [start + row for row, each in enumerate(chances) if each[1] > TURN_THRESHOLD]
        return places

    def _read(self, lines: list[Any]) -> list[tuple[str, float]]:
        """Read lines, those of one width together.

        The model sees the padding, so its width must not depend on what else is read.
        """
        texts: list[tuple[str, float]] = [("", 0.0)] * len(lines)
        by_width: dict[int, list[int]] = {}
        for place, line in enumerate(lines):
            wanted = math.ceil(LINE_HEIGHT * line.width / line.height / MULTIPLE) * MULTIPLE
            by_width.setdefault(max(LINE_WIDTH, wanted), []).append(place)
        for width, places in by_width.items():
            for start in range(0, len(places), LINES_AT_ONCE):
                part = places[start : start + LINES_AT_ONCE]
                batch = self._numpy.stack([self._to_line(lines[place], width) for place in part])
                for place, chances in zip(part, self._rec.run(None, {"x": batch})[0]):
                    texts[place] = self._decode(chances)
        return texts

    def _decode(self, chances: Any) -> tuple[str, float]:
        """Join what is not blank and not the same as before (CTC): (steps, characters) to text."""
        best = chances.argmax(axis=1)
        is_new = best != 0
        is_new[1:] &= best[1:] != best[:-1]
        if not is_new.any():
            return "", 0.0
        text = "".join(self._characters[each] for each in best[is_new])
        return text, round(float(chances.max(axis=1)[is_new].mean()), 4)

    def _to_line(self, line: Any, width: int) -> Any:
        """Scale a line to the height of the models, and pad it: float32 (3, 48, width)."""
        numpy = self._numpy
        wide = min(width, max(1, math.ceil(LINE_HEIGHT * line.width / line.height)))
        padded = numpy.zeros((3, LINE_HEIGHT, width), numpy.float32)
        scaled = line.resize((wide, LINE_HEIGHT), self._image.Resampling.BILINEAR)
        padded[:, :, :wide] = self._to_array(scaled)
        return padded

    def _to_array(self, picture: Any) -> Any:
        """Convert to what all three models take: float32 (3, H, W), BGR, from -1 to 1."""
        pixels = self._numpy.asarray(picture, self._numpy.float32)[:, :, ::-1]
        return pixels.transpose(2, 0, 1) / 127.5 - 1

    def _dilate(self, mask: Any) -> Any:
        """Grow by one pixel to the right and down, so that the letters of a line touch."""
        grown = mask.copy()
        grown[1:] |= mask[:-1]
        grown[:, 1:] |= grown[:, :-1].copy()
        return grown


def _fit(width: int, height: int) -> tuple[int, int]:
    """Choose the size that lines are found at: multiples of 32, neither too small nor too large."""
    factor = max(1.0, MIN_SIDE / min(width, height))
    factor = min(factor, MAX_SIDE / max(width, height))
    wide, high = (max(1, round(side * factor / MULTIPLE)) * MULTIPLE for side in (width, height))
    return wide, high


def _in_reading_order(boxes: list[Any]) -> list[Any]:
    rows: list[list[Any]] = []
    for box in sorted(boxes, key=lambda each: each[0][1]):
        if rows and box[0][1] - rows[-1][-1][0][1] < SAME_LINE:
            rows[-1].append(box)
        else:
            rows.append([box])
    return [box for row in rows for box in sorted(row, key=lambda each: each[0][0])]


def _score(text: tuple[str, float]) -> float:
    return text[1]


def _y(point: tuple[float, float]) -> float:
    return point[1]


def _halves(box: Any) -> tuple[Any, Any]:
    by_x = box[box[:, 0].argsort(kind="stable")]
    return by_x[:2], by_x[2:]


def _hull(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Find the convex hull (A. M. Andrew's monotone chain, 1979)."""
    ordered = sorted(set(points))
    hull: list[tuple[int, int]] = []
    for chain in (ordered, ordered[::-1]):
        part: list[tuple[int, int]] = []
        for point in chain:
            while len(part) > 1 and _turns_right(part[-2], part[-1], point):
                part.pop()
            part.append(point)
        hull += part[:-1]
    return hull


def _turns_right(one: tuple[int, int], two: tuple[int, int], three: tuple[int, int]) -> bool:
    across = (two[0] - one[0]) * (three[1] - one[1]) - (two[1] - one[1]) * (three[0] - one[0])
    return across <= 0


def _components(mask: list[list[bool]]) -> list[list[tuple[int, int, int]]]:
    """Find what hangs together, as runs of pixels (y, left, right), joined row by row."""
    parents: list[int] = []
    runs: list[tuple[int, int, int]] = []

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = run = parents[parents[run]]
        return run

    above: list[int] = []
    for y, row in enumerate(mask):
        here = []
        for left, right in _runs(row):
            run = len(runs)
            parents.append(run)
            runs.append((y, left, right))
            here.append(run)
            for other in above:
                if runs[other][1] <= right and left <= runs[other][2]:  # corners touch, too
                    parents[root(run)] = root(other)
        above = here
    groups: dict[int, list[tuple[int, int, int]]] = {}
    for run, each in enumerate(runs):
        groups.setdefault(root(run), []).append(each)
    return list(groups.values())


def _runs(row: list[bool]) -> list[tuple[int, int]]:
    runs, start = [], None
    for x, is_set in enumerate([*row, False]):
        if is_set and start is None:
            start = x
        elif not is_set and start is not None:
            runs.append((start, x))
            start = None
    return runs

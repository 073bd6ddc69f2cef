"""Sentences as numbers, and as batches for bucketing networks.

The names are those of `mms.utils.mxnet.nlp` in Multi Model Server.
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Any

from mms.handlers.mxnet_runtime import import_mxnet

if TYPE_CHECKING:
    from collections.abc import Iterable


def encode_sentences(
    sentences: Iterable[Iterable[str]],
    vocab: dict[str, int] | None = None,
    invalid_label: int = -1,
    invalid_key: str = "\n",
    start_label: int = 0,
) -> tuple[list[list[int]], dict[str, int]]:
    """Replace words by numbers; returns the sentences and the vocabulary.

    Words that a given vocabulary lacks become `invalid_label`. Without one it is made: words are
    numbered from `start_label` as they come, past `invalid_label`, which is `invalid_key`'s.
    """
    is_given = vocab is not None
    known = {invalid_key: invalid_label} if vocab is None else vocab
    number = start_label
    encoded = []
    for sentence in sentences:
        numbers = []
        for word in sentence:
            if word not in known and not is_given:
                number += number == invalid_label
                known[word] = number
                number += 1
            numbers.append(known.get(word, invalid_label))
        encoded.append(numbers)
    return encoded, known


def pad_sentence(
    sentence: list[int],
    buckets: list[int],
    invalid_label: int = -1,
    data_name: str = "data",
    layout: str = "NT",
) -> Any:
    """Fill a sentence up to the next of the lengths in `buckets`, which ascend: a DataBatch of one.

    `layout` says how its array is meant: NT (batch, length), or TN. Raises ValueError for a
    sentence that is longer than every bucket.
    """
    mx = import_mxnet()
    place = bisect.bisect_left(buckets, len(sentence))
    if place == len(buckets):
        raise ValueError(f"A sentence of {len(sentence)} words fits into none of {buckets}.")
    length = buckets[place]
    padded = [*sentence, *[invalid_label] * (length - len(sentence))]
    shape = (1, length) if layout == "NT" else (length, 1)
    return mx.io.DataBatch(
        [mx.nd.array([padded], dtype="float32")],
        pad=0,
        bucket_key=length,
        provide_data=[mx.io.DataDesc(name=data_name, shape=shape, layout=layout)],
    )

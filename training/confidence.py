"""Confidence that means something: one temperature for the intent head, and the threshold below which a message is out of scope.

N messages, L intents.
"""

from __future__ import annotations

import numpy as np

from training.onnx.graph import Array

TEMPERATURES = np.geomspace(0.2, 5.0, 200)


def softmax(logits: Array) -> Array:
    """Probabilities over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def fit_temperature(logits: Array, labels: Array) -> float:
    """The temperature that makes the validation labels most likely: (N, L), (N,).

    Source: Guo et al. 2017, temperature scaling, https://arxiv.org/abs/1706.04599
    """
    rows = np.arange(len(labels))
    losses = [-np.log(softmax(logits / t)[rows, labels] + 1e-12).mean() for t in TEMPERATURES]
    return round(float(TEMPERATURES[int(np.argmin(losses))]), 4)


def out_of_scope_threshold(in_scope: Array, out_of_scope: Array) -> float:
    """The confidence that best parts the two sets: the highest sum of in-scope kept and out-of-scope caught.

    Args:
        in_scope: highest probability of each validation message with an intent, (N,).
        out_of_scope: the same for those without one; none gives 0 (nothing is out of scope).

    Source: Youden 1950, index J.
    """
    if not len(out_of_scope):
        return 0.0
    candidates = np.unique(np.concatenate([in_scope, out_of_scope]))
    gains = [(in_scope >= c).mean() + (out_of_scope < c).mean() for c in candidates]
    return round(float(candidates[int(np.argmax(gains))]), 4)

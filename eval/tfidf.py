"""What the classifier has to stand beside: TF-IDF with logistic regression, on the same training part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.normalize import normalize
from data.records import OUT_OF_SCOPE, Utterance, read_jsonl, write_json
from eval.metrics.classification import accuracy, macro_f1


def measure_baseline(prepared: Path, seed: int, out: Path) -> str:
    """Score the baseline on the test part and write its figures; returns a sentence about it.

    Raises:
        ValueError: broken prepared data.
    """
    train, test = (read_jsonl(prepared / f"{name}.jsonl", Utterance) for name in ("train", "test"))
    known = [message for message in test if message.intent != OUT_OF_SCOPE]
    truth, predicted = [message.intent for message in known], tfidf_baseline(train, known, seed)
    scores = {"baseline_macro_f1": macro_f1(truth, predicted), "baseline_accuracy": accuracy(truth, predicted)}
    write_json(out, scores)
    return f"{out}: macro-F1 {scores['baseline_macro_f1']:.1f}, {len(known)} messages"


def tfidf_baseline(train: Sequence[Utterance], test: Sequence[Utterance], seed: int) -> list[str]:
    """Intents by TF-IDF of character n-grams and words with logistic regression, on the same training part.

    Characters within word boundaries, 2 to 5 of them, serve Chinese and typos; the settings are scikit-learn's usual ones, not tuned.
    Without n-grams of one message only (`min_df=2`) it is about 1 stronger: less than the classifier moves from training to training.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    usual: dict[str, Any] = {"sublinear_tf": True, "dtype": np.float32}
    features = make_union(TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **usual), TfidfVectorizer(ngram_range=(1, 2), **usual))
    model = make_pipeline(features, LogisticRegression(C=10, max_iter=300, random_state=seed))
    known = [message for message in train if message.intent != OUT_OF_SCOPE]
    model.fit([normalize(m.text) for m in known], [m.intent for m in known])
    return [str(label) for label in model.predict([normalize(m.text) for m in test])]

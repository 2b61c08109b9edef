"""How well messages are understood, beside a baseline on the same split.

The bundle is judged through `serving`, as it would be served. Scores are 0..100.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from configs.schema import EvaluateIntents, Params
from data.augment import KINDS, augment
from data.records import OUT_OF_SCOPE, Utterance, read_jsonl, tree_sha256, write_json, write_text
from eval.metrics.classification import accuracy, as_codes, coverage_at, ece, macro_f1, out_of_scope_recall
from eval.stats import IntArray, paired_resample, resample
from serving.bundle import load_classifier
from serving.classifier import Classifier
from serving.engine.sessions import Array
from training import tracking


def evaluate(params: Params, prepared: Path, bundles: Path, parity: Path, out: Path) -> str:
    """Score the classifier and write `intents.json` and `messages.jsonl`; returns a sentence about it. The baseline was measured before.

    Raises:
        BundleError: bundles that cannot be served.
        ValueError: broken prepared data.
    """
    settings = params.evaluate_intents
    test = read_jsonl(prepared / "test.jsonl", Utterance)
    known = [message for message in test if message.intent != OUT_OF_SCOPE]
    serve: str = params.export_intents.serve
    models: dict[str, Classifier] = {precision: load_classifier(bundles, 2, precision) for precision in {"fp32", serve}}
    with tracking.run("evaluate intents", kind="evaluate", profile=params.profile) as run:
        run.dataset("intents", prepared, tree_sha256(prepared))
        run.params(settings.model_dump())
        logits = {precision: head_logits(model, test, settings.batch_size) for precision, model in models.items()}
        scores = score_intents(models[serve], test, logits[serve], settings)
        scores |= json.loads((out / "intents_baseline.json").read_text(encoding="utf-8"))
        compared = {"intents": {**_logit_difference(parity), **precision_drop(models, test, logits, serve, settings)}}
        noisy = noise_scores(models[serve], known, scores["macro_f1"], settings, params.seed)
        result = {"intents": scores, "parity": compared, "robustness": {"intents": noisy}}
        write_json(out / "intents.json", result)
        _write_messages(out / "messages.jsonl", models[serve], test, logits[serve])
        run.metrics({key: value for key, value in tracking.flatten(result).items() if isinstance(value, int | float)})
        run.file(out / "messages.jsonl")
    ours, baseline_f1 = scores["macro_f1"], scores["baseline_macro_f1"]
    return f"{out / 'intents.json'}: macro-F1 {ours:.1f} beside {baseline_f1:.1f} of TF-IDF, {len(known)} messages"


def head_logits(model: Classifier, messages: Sequence[Utterance], batch: int) -> dict[str, Array]:
    """Head -> logits of all messages, (N, labels)."""
    parts = [model.logits([(m.text, m.history) for m in messages[i : i + batch]]) for i in range(0, len(messages), batch)]
    return {head: np.concatenate([part[head] for part in parts]) for head in parts[0]}


def score_intents(model: Classifier, messages: Sequence[Utterance], logits: dict[str, Array], settings: EvaluateIntents) -> dict[str, Any]:
    """Every number of the report but the baseline's; what no message is labelled for has none."""
    probabilities = model.probabilities(logits["intent"])
    confidence = probabilities.max(axis=1).astype(np.float64)
    known = np.array([message.intent != OUT_OF_SCOPE for message in messages])
    truth = [message.intent for message in messages if message.intent != OUT_OF_SCOPE]
    predicted = [model.labels["intent"][i] for i in logits["intent"][known].argmax(axis=1)]
    right = np.array([t == p for t, p in zip(truth, predicted, strict=True)])
    true_codes, predicted_codes = as_codes(truth, predicted)
    low, high = resample(lambda rows: macro_f1(true_codes[rows], predicted_codes[rows]), len(truth), resamples=settings.resamples)
    languages = np.array([message.language for message in messages if message.intent != OUT_OF_SCOPE])
    by_language = {
        str(language): {
            "macro_f1": macro_f1(true_codes[languages == language], predicted_codes[languages == language]),
            "accuracy": accuracy(true_codes[languages == language], predicted_codes[languages == language]),
            "messages": int((languages == language).sum()),
        }
        for language in np.unique(languages)
    }
    refused = model.out_of_scope(confidence)
    return {
        "macro_f1": macro_f1(true_codes, predicted_codes),
        "macro_f1_low": low,
        "macro_f1_high": high,
        "accuracy": accuracy(true_codes, predicted_codes),
        **({} if known.all() else {"oos_recall": out_of_scope_recall(~known, refused)}),
        "in_scope_kept": 100 * float((~refused[known]).mean()),
        "ece": ece(confidence[known], right),
        "coverage_at_95": coverage_at(confidence[known], right),
        "by_language": by_language,
        "messages": len(truth),
        **_other_heads(model, messages, logits),
    }


def noise_scores(model: Classifier, messages: Sequence[Utterance], clean: float, settings: EvaluateIntents, seed: int) -> dict[str, float]:
    """Macro-F1 with each kind of noise in the messages."""
    truth, found = [message.intent for message in messages], {"clean": clean}
    for kind in KINDS:
        chance = random.Random(f"{seed}/{kind}")
        noisy = [m.model_copy(update={"text": augment(m.text, kind, m.language, chance)}) for m in messages]
        best = head_logits(model, noisy, settings.batch_size)["intent"].argmax(axis=1)
        found[kind] = macro_f1(truth, [model.labels["intent"][i] for i in best])
    return found


def _other_heads(model: Classifier, messages: Sequence[Utterance], logits: dict[str, Array]) -> dict[str, float]:
    """Macro-F1 of the other heads, each over the messages labelled for it, out of scope left out."""
    found = {}
    for head in (name for name in ("sentiment", "urgency") if name in logits):
        rows = [i for i, message in enumerate(messages) if getattr(message, head) and message.intent != OUT_OF_SCOPE]
        if rows:
            predicted = [model.labels[head][i] for i in logits[head][rows].argmax(axis=1)]
            found[f"{head}_macro_f1"] = macro_f1([getattr(messages[i], head) for i in rows], predicted)
    return found


def precision_drop(
    models: dict[str, Classifier], messages: Sequence[Utterance], logits: dict[str, dict[str, Array]], serve: str, settings: EvaluateIntents
) -> dict[str, float]:
    """What the served precision loses against fp32 in macro-F1, and the upper end of the paired interval."""
    known = np.array([message.intent != OUT_OF_SCOPE for message in messages])
    intents = models[serve].labels["intent"]
    truth = np.array([intents.index(m.intent) for m in messages if m.intent != OUT_OF_SCOPE])
    exact, served = (logits[precision]["intent"][known].argmax(axis=1) for precision in ("fp32", serve))

    def scores(rows: IntArray) -> tuple[float, float]:
        return macro_f1(truth[rows], exact[rows]), macro_f1(truth[rows], served[rows])

    full, ours = scores(np.arange(len(truth)))
    upper = paired_resample(scores, len(truth), resamples=settings.resamples)[1]
    return {"int8_macro_f1_drop": full - ours, "int8_macro_f1_drop_upper": upper}


def _logit_difference(parity: Path) -> dict[str, float]:
    """fp32 logits against PyTorch's, as the export measured them."""
    content = json.loads((parity / "intents.json").read_text(encoding="utf-8"))
    return {"logits_max_abs": content["logits_max_abs"]["fp32"]}


def _write_messages(path: Path, model: Classifier, messages: Sequence[Utterance], logits: dict[str, Array]) -> None:
    """One JSON object a line: the message, its intent, what was predicted and how surely."""
    probabilities = model.probabilities(logits["intent"])
    rows = [
        {
            "id": message.id,
            "text": message.text,
            "intent": message.intent,
            "predicted": model.labels["intent"][int(row.argmax())],
            "confidence": round(float(row.max()), 4),
        }
        for message, row in zip(messages, probabilities, strict=True)
    ]
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

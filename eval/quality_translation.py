"""How good the translations are that would be served: every pair, beside the translation memory, fp32, terms and a model's base.

The bundles are judged through `serving`, sentence splitting, protection and pivot included. Scores are 0..100.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.schema import EvaluateTranslation, Params
from data.augment import KINDS, augment_pair
from data.console import track
from data.protect import find_protected
from data.records import Segment, tree_sha256, write_json, write_text
from eval.forgetting import forgetting, read_general, tuned_models
from eval.metrics.text import bleu, chrf, chrf_difference_interval, chrf_interval, chrf_statistics
from eval.parity import sequence_parity
from eval.test_sets import Pair, TestSets
from eval.translation_memory import Match, best_matches
from serving.bundle import Bundle, load_translator, verify_bundles
from serving.glossaries import PIVOT
from serving.translator import Direction, Translator
from training import tracking


def evaluate(params: Params, prepared: Path, bundles: Path, models: Path, parity: Path, out: Path, beams: int) -> str:
    """Score every pair and write `translation.json` and one file of translations per pair; returns a sentence about it.

    `beams` is the width of the search in service.

    Raises:
        BundleError: bundles that cannot be served.
        ValueError: broken prepared data or general text, no data to test on, or a fine-tuned model's base is not there.
    """
    settings = params.evaluate_translation
    sets, languages = TestSets.read(prepared), params.prepare_translation.languages
    pairs = sets.pairs(languages)
    if not pairs:
        raise ValueError(f"{prepared / 'test.jsonl'}: no segment holds two of the languages {', '.join(languages)}")
    verified = verify_bundles(bundles, ["translation"])
    tuned = tuned_models(verified)  # what is missing is said before anything is translated
    general = read_general(settings.general) if tuned else []
    exact, served = (load_translator(bundles, 2, precision, beams) for precision in ("fp32", params.export_translation.serve))
    with tracking.run("evaluate translation", kind="evaluate", profile=params.profile) as run:
        run.dataset("translation", prepared, tree_sha256(prepared))
        run.params({**settings.model_dump(), "beams": beams})
        done = {pair: translate_sets(served, pair, sets.having(pair)) for pair in track(pairs, "pairs", len(pairs))}
        _write_translations(out / "translations", done)
        scores = score_pairs(served, done, sets, settings, beams)
        seen = {pair: (made.segments["seen"], made.hypotheses["seen"]) for pair, made in done.items()}
        noisy = {
            name: noise_scores(served, pair, done[pair], settings.noise_segments, params.seed) for name, pair in _direct(scores).items()
        }
        compared = sets.seen + sets.held_out
        result = {
            "translation": scores,
            "forgetting": forgetting(tuned, served, seen, general, settings, beams),
            "parity": {b.manifest.name: parity_scores(b, exact, models, parity, compared, done, settings) for b in verified},
            "robustness": {"translation": noisy},
        }
        write_json(out / "translation.json", result)
        run.metrics({key: value for key, value in tracking.flatten(result).items() if isinstance(value, int | float)})
        run.folder(out / "translations", "translations")
    direct = [scores[name]["chrf"] for name in _direct(scores)]
    return f"{out / 'translation.json'}: {len(scores)} pairs, mean chrF of the {len(direct)} direct ones {sum(direct) / len(direct):.1f}"


@dataclass(frozen=True)
class Translated:
    """The held-out segments of one pair and their translations, per part (`seen`, `held_out`, `unseen`)."""

    segments: dict[str, list[Segment]]
    hypotheses: dict[str, list[str]]

    def references(self, part: str, target: str) -> list[str]:
        """The human translations of a part."""
        return [segment.texts[target] for segment in self.segments[part]]


def translate_sets(translator: Translator, pair: Pair, sets: TestSets) -> Translated:
    """All held-out parts in one language pair, as the service translates them."""
    segments = {"seen": sets.seen, "held_out": sets.held_out, "unseen": sets.unseen}
    return Translated(segments, {part: translate_all(translator, found, pair) for part, found in segments.items()})


def score_pairs(
    served: Translator, done: Mapping[Pair, Translated], sets: TestSets, settings: EvaluateTranslation, beams: int
) -> dict[str, dict[str, Any]]:
    """Scores of every pair, beside the translation memory's; of pairs by way of English, beside their weaker leg's."""
    scores = {f"{s}-{t}": score_pair(served, (s, t), made, settings) for (s, t), made in done.items()}
    add_baseline(scores, sets)
    add_pivot_share(scores)
    return {name: {**score, "beams": beams} for name, score in scores.items()}


def score_pair(translator: Translator, pair: Pair, done: Translated, settings: EvaluateTranslation) -> dict[str, Any]:
    """Scores of one pair; a part without segments of the pair has no score."""
    source, target = pair
    seen, references = done.hypotheses["seen"], done.references("seen", target)
    scored = chrf(seen, references)
    bleu_score = bleu(seen, references, target)
    low, high = chrf_interval(chrf_statistics(seen, references), resamples=settings.resamples)
    aside = {
        f"chrf_{part}": chrf(done.hypotheses[part], done.references(part, target)).score
        for part in ("held_out", "unseen")
        if done.segments[part]
    }
    return {
        "chrf": scored.score,
        "chrf_low": low,
        "chrf_high": high,
        "chrf_signature": scored.signature,
        "bleu": bleu_score.score,
        "bleu_signature": bleu_score.signature,
        **aside,
        "direct": len(translator.path(source, target)) == 1,
        "protected": protected_share([segment.texts[source] for segment in done.segments["seen"]], seen),
        "segments": len(seen),
        "segments_held_out": len(done.segments["held_out"]),
        "segments_unseen": len(done.segments["unseen"]),
    }


def _direct(scores: Mapping[str, Mapping[str, Any]]) -> dict[str, Pair]:
    """The pairs with a model of their own, by name."""
    return {name: (name.split("-")[0], name.split("-")[1]) for name, score in scores.items() if score["direct"]}


def noise_scores(translator: Translator, pair: Pair, done: Translated, segments: int, seed: int) -> dict[str, float]:
    """The chrF on some seen patterns with each kind of noise in the source; the references stay clean, but for emoji, which are kept."""
    source, target = pair
    tested = done.segments["seen"][:segments]
    found = {"clean": chrf(done.hypotheses["seen"][:segments], [segment.texts[target] for segment in tested]).score}
    for kind in KINDS:
        chance = random.Random(f"{seed}/{kind}")
        pairs = [augment_pair(s.texts[source], s.texts[target], kind, source, chance) for s in tested]
        answers = translator.translate([noisy for noisy, _ in pairs], source=source, target=target)
        found[kind] = chrf([answer.text for answer in answers], [reference for _, reference in pairs]).score
    return found


def translate_all(translator: Translator, segments: Sequence[Segment], pair: Pair) -> list[str]:
    """The translations of every segment, as the service makes them."""
    source, target = pair
    answers = translator.translate([segment.texts[source] for segment in segments], source=source, target=target)
    return [answer.text for answer in answers]


def protected_share(sources: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Percent of the protected spans of the sources that stand in the translations unchanged; each occurrence counts."""
    kept = total = 0
    for source, hypothesis in zip(sources, hypotheses, strict=True):
        left = hypothesis
        for span in sorted(find_protected(source), key=lambda s: -len(s.text)):
            total += 1
            kept += span.text in left
            left = left.replace(span.text, "", 1)
    return 100 * kept / total if total else 100.0


def add_baseline(scores: dict[str, dict[str, Any]], sets: TestSets) -> None:
    """The translation memory's chrF for every pair, on seen and on held-out patterns; targets with the same sources share a search."""
    searched: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Match]] = {}
    for name, score in scores.items():
        source, target = name.split("-")
        of_pair = sets.having((source, target))
        for tested, key in ((of_pair.seen, "tm_baseline_chrf"), (of_pair.held_out, "tm_baseline_chrf_held_out")):
            if tested and of_pair.train:
                asked = tuple(s.texts[source] for s in tested), tuple(s.texts[source] for s in of_pair.train)
                if asked not in searched:
                    searched[asked] = best_matches(list(asked[0]), list(asked[1]))
                remembered = [of_pair.train[match.index].texts[target] for match in searched[asked]]
                score[key] = chrf(remembered, [s.texts[target] for s in tested]).score


def add_pivot_share(scores: dict[str, dict[str, Any]]) -> None:
    """For every pair by way of English, its chrF as percent of its weaker leg's."""
    for name, score in scores.items():
        source, target = name.split("-")
        legs = (f"{source}-{PIVOT}", f"{PIVOT}-{target}")
        if not score["direct"] and all(leg in scores for leg in legs):
            weaker = min(scores[leg]["chrf"] for leg in legs)
            score["pivot_share"] = 100 * score["chrf"] / weaker if weaker else 0.0


def parity_scores(
    bundle: Bundle,
    exact: Translator,
    models: Path,
    parity: Path,
    segments: Sequence[Segment],
    done: Mapping[Pair, Translated],
    settings: EvaluateTranslation,
) -> dict[str, float]:
    """How far one model's graphs are from PyTorch and from `generate`, and what the served precision costs."""
    direction = Direction.load(bundle, 2, "fp32")
    return {
        **_logit_difference(parity / f"{bundle.manifest.name}.json"),
        **sequence_parity(direction, models / bundle.manifest.name, segments, settings),
        **precision_drop(exact, direction, done, settings),
    }


def precision_drop(
    exact: Translator, direction: Direction, done: Mapping[Pair, Translated], settings: EvaluateTranslation
) -> dict[str, float]:
    """What the served precision loses against fp32 in chrF, and the upper end of the paired interval, over a model's tested pairs."""
    references, served, full = [], [], []
    for source, target in (pair for pair in direction.info.pairs if pair in done):
        translated = done[source, target]
        references += translated.references("seen", target)
        served += translated.hypotheses["seen"]
        full += translate_all(exact, translated.segments["seen"], (source, target))
    exact_counts, served_counts = chrf_statistics(full, references), chrf_statistics(served, references)
    upper = chrf_difference_interval(exact_counts, served_counts, resamples=settings.resamples)[1]
    return {"int8_chrf_drop": chrf(full, references).score - chrf(served, references).score, "int8_chrf_drop_upper": upper}


def _logit_difference(path: Path) -> dict[str, float]:
    """fp32 logits against PyTorch's, as the export measured them."""
    return {"logits_max_abs": json.loads(path.read_text(encoding="utf-8"))["logits_max_abs"]["fp32"]}


def _write_translations(folder: Path, done: Mapping[Pair, Translated]) -> None:
    """A file for each pair, one JSON object a line: part, id, source, reference, translation."""
    for (source, target), made in done.items():
        rows = (
            {"part": part, "id": segment.id, "source": segment.texts[source], "reference": segment.texts[target], "translation": hypothesis}
            for part, segments in made.segments.items()
            for segment, hypothesis in zip(segments, made.hypotheses[part], strict=True)
        )
        write_text(folder / f"{source}-{target}.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

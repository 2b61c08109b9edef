"""How good the translations are that would be served: every pair, beside the translation memory, fp32 and terms.

The bundles are judged through `serving`, sentence splitting, protection and pivot included. Scores are 0..100.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.schema import EvaluateTranslation, Params
from data.console import track
from data.glossary import load_glossaries
from data.protect import find_protected
from data.records import Segment, read_jsonl, tree_sha256, write_json, write_text
from eval.metrics.terminology import term_success
from eval.metrics.text import bleu, chrf, chrf_difference_interval, chrf_interval, chrf_statistics
from eval.parity import sequence_parity
from eval.translation_memory import best_matches
from serving.bundle import load_translator, verify_bundles
from serving.translator import PIVOT, Direction, Translator
from training import tracking

Pair = tuple[str, str]


@dataclass(frozen=True)
class TestSets:
    """Held-out segments: seen patterns with unseen combinations, and patterns never seen; and what was trained on."""

    seen: list[Segment]
    unseen: list[Segment]
    train: list[Segment]

    @classmethod
    def read(cls, prepared: Path) -> TestSets:
        """The parts as the preparation stage wrote them."""
        parts = (read_jsonl(prepared / f"{name}.jsonl", Segment) for name in ("test", "test_unseen", "train"))
        return cls(*parts)


def evaluate(params: Params, prepared: Path, bundles: Path, models: Path, parity: Path, glossaries: Path, out: Path) -> str:
    """Score every pair and write `translation.json` and one file of translations per pair; returns a sentence about it.

    Raises:
        BundleError: bundles that cannot be served.
        ValueError: broken prepared data.
    """
    settings = params.evaluate_translation
    sets = TestSets.read(prepared)
    translators = {precision: load_translator(bundles, 2, precision) for precision in ("fp32", params.export_translation.serve)}
    served = translators[params.export_translation.serve]
    pairs = [(s, t) for s in params.prepare_translation.languages for t in params.prepare_translation.languages if s != t]
    with tracking.run("evaluate translation", kind="evaluate", profile=params.profile) as run:
        run.dataset("translation", prepared, tree_sha256(prepared))
        run.params(settings.model_dump())
        scores = {f"{s}-{t}": score_pair(served, (s, t), sets, settings, out) for s, t in track(pairs, "pairs", len(pairs))}
        add_baseline(scores, sets)
        add_pivot_share(scores)
        wanted = glossary_forms(glossaries)
        terms = {name: term_scores(name, sets, wanted, out) for name in scores}
        compared = {}
        for bundle in verify_bundles(bundles, ["translation"]):
            direction = Direction.load(bundle, 2, "fp32")
            compared[bundle.manifest.name] = {
                **_logit_difference(parity / f"{bundle.manifest.name}.json"),
                **sequence_parity(direction, models / bundle.manifest.name, sets.seen + sets.unseen, settings),
                **precision_drop(translators["fp32"], direction, sets.seen, settings, out),
            }
        result = {"translation": scores, "terms": terms, "parity": compared}
        write_json(out / "translation.json", result)
        run.metrics({key: value for key, value in tracking.flatten(result).items() if isinstance(value, int | float)})
        run.folder(out / "translations", "translations")
    direct = [score["chrf"] for score in scores.values() if score["direct"]]
    return f"{out / 'translation.json'}: {len(scores)} pairs, mean chrF of the {len(direct)} direct ones {sum(direct) / len(direct):.1f}"


def score_pair(translator: Translator, pair: Pair, sets: TestSets, settings: EvaluateTranslation, out: Path) -> dict[str, Any]:
    """Scores of one pair on both test sets; the translations go to `translations/SRC-TGT.jsonl`."""
    source, target = pair
    seen = translate_all(translator, sets.seen, pair)
    unseen = translate_all(translator, sets.unseen, pair)
    _write_translations(out / "translations" / f"{source}-{target}.jsonl", [*sets.seen, *sets.unseen], [*seen, *unseen], pair)
    references = [segment.texts[target] for segment in sets.seen]
    scored = chrf(seen, references)
    bleu_score = bleu(seen, references, target)
    low, high = chrf_interval(chrf_statistics(seen, references), resamples=settings.resamples)
    return {
        "chrf": scored.score,
        "chrf_low": low,
        "chrf_high": high,
        "chrf_signature": scored.signature,
        "bleu": bleu_score.score,
        "bleu_signature": bleu_score.signature,
        "chrf_unseen": chrf(unseen, [segment.texts[target] for segment in sets.unseen]).score,
        "direct": len(translator.path(source, target)) == 1,
        "protected": protected_share([segment.texts[source] for segment in sets.seen], seen),
        "segments": len(sets.seen),
        "segments_unseen": len(sets.unseen),
    }


def translate_all(translator: Translator, segments: Sequence[Segment], pair: Pair) -> list[str]:
    """The translations of every segment, greedy, as the service makes them."""
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
    """The translation memory's chrF for every pair; the memory of a source language is searched once."""
    for source in {name.split("-")[0] for name in scores}:
        matches = best_matches([s.texts[source] for s in sets.seen], [s.texts[source] for s in sets.train])
        for name in (n for n in scores if n.startswith(f"{source}-")):
            target = name.split("-")[1]
            remembered = [sets.train[match.index].texts[target] for match in matches]
            scores[name]["tm_baseline_chrf"] = chrf(remembered, [s.texts[target] for s in sets.seen]).score


def add_pivot_share(scores: dict[str, dict[str, Any]]) -> None:
    """For every pair by way of English, its chrF as percent of its weaker leg's."""
    for name, score in scores.items():
        source, target = name.split("-")
        if not score["direct"]:
            weaker = min(scores[f"{source}-{PIVOT}"]["chrf"], scores[f"{PIVOT}-{target}"]["chrf"])
            score["pivot_share"] = 100 * score["chrf"] / weaker if weaker else 0.0


def glossary_forms(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Term id -> language -> every written form."""
    terms = [term for glossary in load_glossaries(folder).values() for term in glossary.terms]
    return {term.id: {language: term.surfaces(language) for language in term.forms} for term in terms}


def term_scores(name: str, sets: TestSets, forms: Mapping[str, Mapping[str, list[str]]], out: Path) -> dict[str, float]:
    """Term success without any terms given to the model (`none`), over the segments of the seen patterns."""
    lines = (out / "translations" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    hypotheses = [json.loads(line)["translation"] for line in lines[: len(sets.seen)]]
    target = name.split("-")[1]
    wanted = [[forms[term][target] for term in segment.terms] for segment in sets.seen]
    return {"none": term_success(hypotheses, wanted), "terms": sum(map(len, wanted))}


def precision_drop(
    exact: Translator, direction: Direction, segments: Sequence[Segment], settings: EvaluateTranslation, out: Path
) -> dict[str, float]:
    """What the served precision loses against fp32 in chrF, and the upper end of the paired interval, over all directions of a model."""
    references, served, full = [], [], []
    for source, target in direction.info.pairs:
        references += [segment.texts[target] for segment in segments]
        lines = (out / "translations" / f"{source}-{target}.jsonl").read_text(encoding="utf-8").splitlines()
        served += [json.loads(line)["translation"] for line in lines[: len(segments)]]
        full += translate_all(exact, segments, (source, target))
    exact_counts, served_counts = chrf_statistics(full, references), chrf_statistics(served, references)
    upper = chrf_difference_interval(exact_counts, served_counts, resamples=settings.resamples)[1]
    return {"int8_chrf_drop": chrf(full, references).score - chrf(served, references).score, "int8_chrf_drop_upper": upper}


def _logit_difference(path: Path) -> dict[str, float]:
    """fp32 logits against PyTorch's, as the export measured them."""
    return {"logits_max_abs": json.loads(path.read_text(encoding="utf-8"))["logits_max_abs"]["fp32"]}


def _write_translations(path: Path, segments: Sequence[Segment], hypotheses: Sequence[str], pair: Pair) -> None:
    """One JSON object a line: id, source, reference, translation; the seen patterns first."""
    source, target = pair
    rows = (
        {"id": segment.id, "source": segment.texts[source], "reference": segment.texts[target], "translation": hypothesis}
        for segment, hypothesis in zip(segments, hypotheses, strict=True)
    )
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

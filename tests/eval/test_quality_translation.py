"""Scores of every pair, on hand-made values and on the small models as they would be served."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from configs.schema import ROOT
from data.records import Segment, read_jsonl
from eval.metrics.text import chrf
from eval.peers.transformers import MarianPeer
from eval.quality_translation import (
    TestSets as Sets,
)
from eval.quality_translation import (
    add_baseline,
    add_pivot_share,
    evaluate,
    glossary_forms,
    precision_drop,
    protected_share,
    score_pair,
    term_scores,
)
from serving.bundle import load_translator

LANGUAGES = ("en", "zh", "de", "es")
PAIRS = [f"{source}-{target}" for source in LANGUAGES for target in LANGUAGES if source != target]
SCORES = {"bleu", "bleu_signature", "chrf", "chrf_high", "chrf_low", "chrf_signature", "chrf_unseen", "direct", "protected", "segments"}
ALWAYS = SCORES | {"segments_unseen", "tm_baseline_chrf"}


def segment(name: str, terms: list[str] | None = None, **texts: str) -> Segment:
    return Segment(id=name, pattern="p", texts=texts, terms=terms or [])


def write_translations(out: Path, pair: str, translations: list[str]) -> None:
    path = out / "translations" / f"{pair}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"translation": text}) + "\n" for text in translations))


@pytest.mark.parametrize(
    ("source", "hypothesis", "share"),
    [
        ("Order PO-4711 has 12 pumps.", "12 Pumpen in PO-4711.", 100.0),
        ("Order PO-4711 has 12 pumps.", "12 Pumpen in PO-4712.", 50.0),
        ("12 pumps and 12 belts.", "12 Pumpen und Riemen.", 50.0),
        ("AB-1000 has 10 pumps.", "AB-1000 hat Pumpen.", 50.0),  # the 10 of AB-1000 is no 10
        ("Hello.", "Hallo.", 100.0),
    ],
)
def test_protected_values_are_counted_one_by_one(source: str, hypothesis: str, share: float) -> None:
    assert protected_share([source], [hypothesis]) == share


def test_protected_values_count_over_all_segments() -> None:
    assert protected_share(["1, 2 and 3", "4"], ["1, 2 und 3", "vier"]) == 75.0


def test_the_baseline_remembers_the_most_similar_training_segment() -> None:
    train = [segment("1", en="the pump is broken", de="die Pumpe ist kaputt"), segment("2", en="thanks a lot", de="vielen Dank")]
    seen = [segment("3", en="the pump was broken", de="die Pumpe war kaputt"), segment("4", en="many thanks a lot", de="vielen Dank")]
    scores: dict[str, dict[str, Any]] = {"en-de": {}, "de-en": {}}
    add_baseline(scores, Sets(seen, [], train))
    expected = chrf(["die Pumpe ist kaputt", "vielen Dank"], ["die Pumpe war kaputt", "vielen Dank"]).score
    assert scores["en-de"] == {"tm_baseline_chrf": expected}
    assert 50 < expected < 100
    assert set(scores["de-en"]) == {"tm_baseline_chrf"}


def test_pivoted_pairs_are_held_against_their_weaker_leg() -> None:
    scores = {
        "en-zh": {"direct": True, "chrf": 40.0},
        "de-en": {"direct": True, "chrf": 60.0},
        "de-zh": {"direct": False, "chrf": 30.0},
        "es-en": {"direct": True, "chrf": 0.0},
        "es-zh": {"direct": False, "chrf": 5.0},
    }
    add_pivot_share(scores)
    assert scores["de-zh"]["pivot_share"] == 75.0
    assert scores["es-zh"]["pivot_share"] == 0.0
    assert [name for name, score in scores.items() if "pivot_share" in score] == ["de-zh", "es-zh"]


def test_terms_count_in_any_of_their_forms(tmp_path: Path) -> None:
    write_translations(tmp_path, "en-de", ["Zwei Hydraulikpumpen fehlen.", "Ein Verdichter.", "of an unseen pattern"])
    forms = {"pump": {"de": ["Hydraulikpumpe", "Hydraulikpumpen"]}, "compressor": {"de": ["Kompressor"]}}
    seen = [segment("1", ["pump"]), segment("2", ["compressor", "pump"])]
    assert term_scores("en-de", Sets(seen, [segment("3", ["pump"])], []), forms, tmp_path) == {"none": pytest.approx(100 / 3), "terms": 3}


def test_every_written_form_of_the_shipped_glossaries_counts() -> None:
    forms = glossary_forms(ROOT / "data/glossaries")
    assert forms["machinery/hydraulic_pump"]["de"] == ["Hydraulikpumpe", "Hydraulikpumpen"]
    assert len({term.split("/")[0] for term in forms}) >= 2


def test_what_a_precision_loses_is_over_all_directions(tmp_path: Path, world: Any) -> None:
    segments = [segment(str(i), en=f"pump {i}", de=f"Pumpe Nummer {i}", es=f"bomba {i}") for i in range(6)]
    german, spanish = ([s.texts[language] for s in segments] for language in ("de", "es"))
    write_translations(tmp_path, "en-de", german)
    write_translations(tmp_path, "en-es", ["otra cosa"] * 6)

    class Exact:
        """Translates without a fault."""

        def translate(self, texts: list[str], source: str, target: str) -> list[Any]:
            return [SimpleNamespace(text=s.texts[target]) for s in segments if s.texts[source] in texts]

    both = SimpleNamespace(info=SimpleNamespace(pairs=(("en", "de"), ("en", "es"))))
    lost = precision_drop(Exact(), both, segments, world.params.evaluate_translation, tmp_path)  # type: ignore[arg-type]
    served = chrf(german + ["otra cosa"] * 6, german + spanish).score
    assert lost["int8_chrf_drop"] == pytest.approx(100 - served)
    assert 0 < lost["int8_chrf_drop"] < lost["int8_chrf_drop_upper"] <= 100
    one = SimpleNamespace(info=SimpleNamespace(pairs=(("en", "de"),)))
    nothing = precision_drop(Exact(), one, segments, world.params.evaluate_translation, tmp_path)  # type: ignore[arg-type]
    assert nothing == {"int8_chrf_drop": 0.0, "int8_chrf_drop_upper": 0.0}


@pytest.fixture(scope="module")
def judged(world: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The small models evaluated: what was said, what was written, and where."""
    out = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        patch.setattr(
            "eval.parity.MarianPeer", lambda checkpoint, threads: MarianPeer(checkpoint, 1)
        )  # two threads starve on a busy machine
        said = evaluate(world.params, world.translation, world.bundles, world.models, world.parity, ROOT / "data/glossaries", out)
    return SimpleNamespace(said=said, out=out, result=json.loads((out / "translation.json").read_text()))


def test_all_pairs_are_scored(judged: Any, world: Any) -> None:
    pairs = judged.result["translation"]
    assert list(pairs) == PAIRS
    for name, score in pairs.items():
        direct = "en" in name.split("-")
        assert score["direct"] is direct
        assert set(score) == (ALWAYS if direct else ALWAYS | {"pivot_share"})
        assert 0 <= score["chrf_low"] <= score["chrf"] <= score["chrf_high"] <= 100
        assert (score["segments"], score["segments_unseen"]) == (6, len(read_jsonl(world.translation / "test_unseen.jsonl", Segment)))
        assert score["protected"] == 100.0
        assert score["tm_baseline_chrf"] > 20
        assert score["chrf_signature"].startswith("nrefs:1|")
    assert "tok:zh" in pairs["en-zh"]["bleu_signature"]
    assert "tok:13a" in pairs["en-de"]["bleu_signature"]


def test_the_closing_sentence_says_the_mean_of_the_direct_pairs(judged: Any) -> None:
    direct = [score["chrf"] for score in judged.result["translation"].values() if score["direct"]]
    expected = f"{judged.out / 'translation.json'}: 12 pairs, mean chrF of the 6 direct ones {sum(direct) / 6:.1f}"
    assert judged.said == expected


def test_every_translation_is_kept_the_seen_patterns_first(judged: Any, world: Any) -> None:
    parts = [*read_jsonl(world.translation / "test.jsonl", Segment), *read_jsonl(world.translation / "test_unseen.jsonl", Segment)]
    for name in PAIRS:
        source, target = name.split("-")
        rows = [json.loads(line) for line in (judged.out / f"translations/{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        assert [(r["id"], r["source"], r["reference"]) for r in rows] == [(s.id, s.texts[source], s.texts[target]) for s in parts]
        seen = [row["translation"] for row in rows[:6]]
        assert chrf(seen, [s.texts[target] for s in parts[:6]]).score == judged.result["translation"][name]["chrf"]


def test_terms_and_parity_are_reported(judged: Any) -> None:
    assert list(judged.result["terms"]) == PAIRS
    assert all(0 <= score["none"] <= 100 and score["terms"] > 0 for score in judged.result["terms"].values())
    assert set(judged.result["parity"]) == {"en-xx", "xx-en"}
    for found in judged.result["parity"].values():
        assert found["logits_max_abs"] < 1e-3
        assert min(found["sequences_equal"], found["sequences_equal_beam"]) > 80
        assert found["sequences_unexplained"] == 0
        assert found["int8_chrf_drop"] <= found["int8_chrf_drop_upper"]


@pytest.mark.parametrize("pair", [("en", "de"), ("zh", "es")])
def test_scored_again_a_pair_has_the_same_score(judged: Any, world: Any, tmp_path: Path, pair: tuple[str, str]) -> None:
    name = "-".join(pair)
    again = score_pair(load_translator(world.bundles, 1), pair, Sets.read(world.translation), world.params.evaluate_translation, tmp_path)
    assert again.items() <= judged.result["translation"][name].items()
    assert (tmp_path / f"translations/{name}.jsonl").read_bytes() == (judged.out / f"translations/{name}.jsonl").read_bytes()

"""Scores of every pair, on hand-made values and on the small models as they would be served."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from configs.schema import EvaluateTranslation, load_params
from data.augment import ALWAYS_FITTING, FITTING, KINDS
from data.protect import find_protected
from data.records import Segment, read_jsonl, write_jsonl
from eval.metrics.text import chrf
from eval.peers.transformers import MarianPeer
from eval.quality_translation import (
    Translated,
    add_baseline,
    add_pivot_share,
    evaluate,
    noise_scores,
    precision_drop,
    protected_share,
    score_pair,
    translate_sets,
)
from eval.test_sets import TestSets as Sets
from eval.translation_memory import Match
from serving.bundle import load_translator

LANGUAGES = ("en", "zh", "de", "es")
PAIRS = [f"{source}-{target}" for source in LANGUAGES for target in LANGUAGES if source != target]
SCORES = {"bleu", "bleu_signature", "chrf", "chrf_high", "chrf_low", "chrf_signature", "direct", "protected", "segments"}
ASIDE = {"chrf_held_out", "chrf_unseen"}
COUNTS = {"segments_held_out", "segments_unseen"}
ALWAYS = SCORES | ASIDE | COUNTS | {"tm_baseline_chrf", "tm_baseline_chrf_held_out", "beams"}
SETTINGS = EvaluateTranslation(
    batch_size=4, resamples=20, parity_segments=6, parity_beams=4, noise_segments=2, general=None, general_segments=2
)
EMOJI = set(ALWAYS_FITTING).union(*FITTING)
PARTS = {"seen": "test", "held_out": "test_held_out", "unseen": "test_unseen"}
DIRECT = {"en-zh", "en-de", "en-es", "zh-en", "de-en", "es-en"}


def segment(name: str, terms: list[str] | None = None, **texts: str) -> Segment:
    return Segment(id=name, pattern="p", texts=texts, terms=terms or [])


def sets(seen: list[Segment], held_out: list[Segment] | None = None, train: list[Segment] | None = None) -> Sets:
    return Sets(seen, held_out or [], [], [], train or [])


def translated(seen: list[Segment], hypotheses: list[str], **others: tuple[list[Segment], list[str]]) -> Translated:
    """Parts without segments unless they are named."""
    parts = {"held_out": ([], []), "unseen": ([], []), **others, "seen": (seen, hypotheses)}
    return Translated({part: found for part, (found, _) in parts.items()}, {part: texts for part, (_, texts) in parts.items()})


class Scripted:
    """A translator that answers by the rule that it is given, and keeps what it was asked."""

    def __init__(self, rule: Any, direct: bool = True) -> None:
        self.rule, self.direct = rule, direct
        self.asked: list[list[str]] = []

    def path(self, source: str, target: str) -> list[tuple[str, str]]:
        return [(source, target)] if self.direct else [(source, "en"), ("en", target)]

    def translate(self, texts: list[str], **_: Any) -> list[Any]:
        self.asked.append(list(texts))
        return [SimpleNamespace(text=self.rule(place, text)) for place, text in enumerate(texts)]


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


def test_every_held_out_part_is_translated() -> None:
    parts = [segment("1", en="one", de="eins")], [segment("2", en="two", de="zwei"), segment("3", en="three", de="drei")], []
    made = translate_sets(Scripted(lambda _, text: text.upper()), ("en", "de"), Sets(*parts, terms=[], train=[]))  # type: ignore[arg-type]
    assert made.segments == dict(zip(PARTS, parts, strict=True))
    assert made.hypotheses == {"seen": ["ONE"], "held_out": ["TWO", "THREE"], "unseen": []}
    assert made.references("held_out", "de") == ["zwei", "drei"]


def test_the_baseline_remembers_the_most_similar_training_segment_on_two_parts() -> None:
    train = [segment("1", en="the pump is broken", de="die Pumpe ist kaputt"), segment("2", en="thanks a lot", de="vielen Dank")]
    seen = [segment("3", en="the pump was broken", de="die Pumpe war kaputt"), segment("4", en="many thanks a lot", de="vielen Dank")]
    held_out = [segment("5", en="is the belt broken?", de="ist der Riemen kaputt?")]
    scores: dict[str, dict[str, Any]] = {"en-de": {}, "de-en": {}}
    add_baseline(scores, sets(seen, held_out, train))
    expected = chrf(["die Pumpe ist kaputt", "vielen Dank"], ["die Pumpe war kaputt", "vielen Dank"]).score
    aside = chrf(["die Pumpe ist kaputt"], ["ist der Riemen kaputt?"]).score
    assert scores["en-de"] == {"tm_baseline_chrf": expected, "tm_baseline_chrf_held_out": aside}
    assert 50 < expected < 100
    assert 0 < aside < expected
    assert set(scores["de-en"]) == {"tm_baseline_chrf", "tm_baseline_chrf_held_out"}


def test_the_baseline_remembers_only_segments_of_the_pair() -> None:
    """The most similar source has no Spanish: the next one answers; a pair without a memory, or without a test, has no baseline."""
    train = [
        segment("1", en="the pump is broken", de="die Pumpe ist kaputt"),
        segment("2", en="the belt is broken", es="la correa está rota"),
    ]
    seen = [segment("3", en="the pump is broken", de="die Pumpe ist kaputt", es="la bomba está rota"), segment("4", en="no", de="nein")]
    scores: dict[str, dict[str, Any]] = {"en-de": {}, "en-es": {}, "en-zh": {}, "es-de": {}}
    add_baseline(scores, sets(seen, train=train))
    assert scores == {
        "en-de": {"tm_baseline_chrf": chrf(["die Pumpe ist kaputt"] * 2, ["die Pumpe ist kaputt", "nein"]).score},
        "en-es": {"tm_baseline_chrf": chrf(["la correa está rota"], ["la bomba está rota"]).score},
        "en-zh": {},
        "es-de": {},
    }


def test_a_memory_is_searched_once_for_all_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[list[str]] = []

    def search(queries: list[str], memory: list[str]) -> list[Match]:
        searched.append(queries)
        return [Match(0, 50.0) for _ in queries]

    monkeypatch.setattr("eval.quality_translation.best_matches", search)
    texts = {"en": "one", "de": "eins", "es": "uno"}
    scores: dict[str, dict[str, Any]] = {"en-de": {}, "en-es": {}}
    add_baseline(scores, sets([segment("1", **texts)], train=[segment("2", **texts)]))
    assert searched == [["one"]]
    assert scores == {"en-de": {"tm_baseline_chrf": 100.0}, "en-es": {"tm_baseline_chrf": 100.0}}


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


def test_a_pair_is_scored_on_the_parts_that_it_has() -> None:
    right = "Ihr Auftrag PO-4711 ist heute da."
    seen = [segment("1", en="Your order PO-4711 is here today.", de=right), segment("2", en="Thanks.", de="Danke.")]
    unseen = ([segment("3", en="Is it late?", de="Ist es spät?")], ["Ist es später?"])
    found = score_pair(Scripted(None), ("en", "de"), translated(seen, [right, "Danke."], unseen=unseen), SETTINGS)  # type: ignore[arg-type]
    assert set(found) == SCORES | COUNTS | {"chrf_unseen"}
    assert [found[key] for key in ("chrf", "chrf_low", "chrf_high", "bleu")] == pytest.approx([100] * 4)
    assert found["chrf_unseen"] == chrf(["Ist es später?"], ["Ist es spät?"]).score < 100
    assert (found["protected"], found["direct"]) == (100.0, True)
    assert (found["segments"], found["segments_held_out"], found["segments_unseen"]) == (2, 0, 1)
    poor = translated(seen, ["Auftrag 4711.", "Danke."], held_out=(seen[1:], ["Danke."]))
    pivoted = score_pair(Scripted(None, direct=False), ("en", "de"), poor, SETTINGS)  # type: ignore[arg-type]
    assert set(pivoted) == SCORES | COUNTS | {"chrf_held_out"}
    assert (pivoted["protected"], pivoted["direct"], pivoted["segments_held_out"]) == (0.0, False, 1)
    assert pivoted["chrf"] < pivoted["chrf_held_out"] == pytest.approx(100)


NOISY = [
    segment("1", en="Could you please check, why order PO-4711 is so late?", de="Warum kommt PO-4711 so spät?"),
    segment("2", en="The machine has arrived, and it works.", de="Die Maschine ist da, und sie läuft."),
    segment("3", en="Please send us the invoice.", de="Bitte schicken Sie uns die Rechnung."),
]


def test_noise_is_in_the_source_and_the_reference_stays_clean() -> None:
    exact = Scripted(lambda place, _: NOISY[place].texts["de"])
    found = noise_scores(exact, ("en", "de"), translated(NOISY, ["", NOISY[1].texts["de"], ""]), 2, seed=7)  # type: ignore[arg-type]
    clean = [s.texts["en"] for s in NOISY[:2]]
    assert list(found) == ["clean", *KINDS]
    assert found["clean"] == chrf(["", NOISY[1].texts["de"]], [s.texts["de"] for s in NOISY[:2]]).score
    assert {kind: score for kind, score in found.items() if kind not in {"clean", "emoji"}} == dict.fromkeys(KINDS[:-1], pytest.approx(100))
    assert len(exact.asked) == len(KINDS)
    assert all(noisy != text for asked in exact.asked for noisy, text in zip(asked, clean, strict=True))
    assert all("PO-4711" in asked[0] for asked in exact.asked)


def with_emoji(place: int, text: str, kept: str) -> str:
    """The reference of a source with emoji behind it or in place of its mark, with those emoji or `kept` in their place."""
    if not set(text) & EMOJI:
        return ""
    german = NOISY[place].texts["de"]
    body = german if text.startswith(NOISY[place].texts["en"]) else german[:-1]
    return f"{body} {kept or find_protected(text)[-1].text}"


def test_an_emoji_must_be_kept() -> None:
    keeping, losing = (Scripted(lambda place, text, kept=kept: with_emoji(place, text, kept)) for kept in ("", " "))
    done = translated(NOISY, ["", "", ""])
    assert noise_scores(keeping, ("en", "de"), done, 3, 7)["emoji"] == pytest.approx(100)  # type: ignore[arg-type]
    assert noise_scores(losing, ("en", "de"), done, 3, 7)["emoji"] < 99  # type: ignore[arg-type]
    assert all(set(text) & EMOJI for text in keeping.asked[KINDS.index("emoji")])


def test_the_same_seed_makes_the_same_noise() -> None:
    asked = []
    for seed in (7, 7, 8):
        translator = Scripted(lambda _, text: text)
        noise_scores(translator, ("en", "de"), translated(NOISY, ["", "", ""]), 3, seed)  # type: ignore[arg-type]
        asked.append(translator.asked)
    assert asked[0] == asked[1] != asked[2]


def test_what_a_precision_loses_is_over_all_directions_tested() -> None:
    segments = [segment(str(i), en=f"pump {i}", de=f"Pumpe Nummer {i}", es=f"bomba {i}") for i in range(6)]
    german, spanish = ([s.texts[language] for s in segments] for language in ("de", "es"))
    served = {("en", "de"): translated(segments, german), ("en", "es"): translated(segments, ["otra cosa"] * 6)}

    class Exact:
        """Translates without a fault."""

        def translate(self, texts: list[str], source: str, target: str) -> list[Any]:
            return [SimpleNamespace(text=s.texts[target]) for s in segments if s.texts[source] in texts]

    def lost(*pairs: tuple[str, str]) -> dict[str, float]:
        direction = SimpleNamespace(info=SimpleNamespace(pairs=pairs))
        return precision_drop(Exact(), direction, served, SETTINGS)  # type: ignore[arg-type]

    both = lost(("en", "de"), ("en", "es"))
    assert both["int8_chrf_drop"] == pytest.approx(100 - chrf(german + ["otra cosa"] * 6, german + spanish).score)
    assert 0 < both["int8_chrf_drop"] < both["int8_chrf_drop_upper"] <= 100
    assert lost(("en", "de")) == {"int8_chrf_drop": 0.0, "int8_chrf_drop_upper": 0.0}
    assert lost(("en", "de"), ("en", "zh"), ("en", "es")) == both, "no test segment has Chinese"


def test_without_a_test_segment_it_says_so(tmp_path: Path) -> None:
    for part in ("test", "test_held_out", "test_unseen", "test_terms", "train"):
        write_jsonl(tmp_path / f"{part}.jsonl", [segment("1", en="only English")])
    expected = rf"^{tmp_path}/test\.jsonl: no segment holds two of the languages en, zh, de, es$"
    with pytest.raises(ValueError, match=expected):
        evaluate(load_params(), tmp_path, *[Path("nowhere")] * 4, beams=1)


@pytest.fixture(scope="module")
def judged(world: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The small models evaluated: what was said, what was written, and where."""
    out, complaints = tmp_path_factory.mktemp("work"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(complaints):
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        patch.setattr(
            "eval.parity.MarianPeer", lambda checkpoint, threads: MarianPeer(checkpoint, 1)
        )  # two threads starve on a busy machine
        said = evaluate(world.params, world.translation, world.bundles, world.models, world.parity, out, beams=2)
    result = json.loads((out / "translation.json").read_text())
    return SimpleNamespace(said=said, complaints=complaints.getvalue(), out=out, result=result)


def test_all_pairs_are_scored(judged: Any, world: Any) -> None:
    pairs = judged.result["translation"]
    parts = [read_jsonl(world.translation / f"{part}.jsonl", Segment) for part in PARTS.values()]
    assert len(parts[0]) == len(parts[2]) == 6
    assert list(pairs) == PAIRS
    for name, score in pairs.items():
        direct = name in DIRECT
        assert score["direct"] is direct
        assert set(score) == (ALWAYS if direct else ALWAYS | {"pivot_share"})
        assert 0 <= score["chrf_low"] <= score["chrf"] <= score["chrf_high"] <= 100
        assert (score["segments"], score["segments_held_out"], score["segments_unseen"]) == tuple(
            sum(s.translates(*name.split("-")) for s in part) for part in parts
        )
        assert score["segments_held_out"] > 0
        assert score["protected"] == 100.0
        assert score["beams"] == 2
        assert score["tm_baseline_chrf"] > 20
        assert all(0 < score[key] < 100 for key in (*ASIDE, "tm_baseline_chrf_held_out"))
        assert score["chrf_signature"].startswith("nrefs:1|")
    assert "tok:zh" in pairs["en-zh"]["bleu_signature"]
    assert "tok:13a" in pairs["en-de"]["bleu_signature"]


def test_the_closing_sentence_says_the_mean_of_the_direct_pairs(judged: Any) -> None:
    direct = [score["chrf"] for score in judged.result["translation"].values() if score["direct"]]
    expected = f"{judged.out / 'translation.json'}: 12 pairs, mean chrF of the 6 direct ones {sum(direct) / 6:.1f}"
    assert judged.said == expected


def test_every_translation_is_kept_with_its_part(judged: Any, world: Any) -> None:
    parts = [(part, s) for part, file in PARTS.items() for s in read_jsonl(world.translation / f"{file}.jsonl", Segment)]
    for name in PAIRS:
        source, target = name.split("-")
        rows = [json.loads(line) for line in (judged.out / f"translations/{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        expected = [(part, s.id, s.texts[source], s.texts[target]) for part, s in parts if s.translates(source, target)]
        assert [(r["part"], r["id"], r["source"], r["reference"]) for r in rows] == expected
        for part, key in (("seen", "chrf"), ("held_out", "chrf_held_out"), ("unseen", "chrf_unseen")):
            some = [row for row in rows if row["part"] == part]
            again = chrf([row["translation"] for row in some], [row["reference"] for row in some]).score
            assert again == judged.result["translation"][name][key]


def test_the_direct_pairs_robustness_is_reported(judged: Any) -> None:
    assert set(judged.result["robustness"]) == {"translation"}
    robustness = judged.result["robustness"]["translation"]
    assert set(robustness) == DIRECT
    for name, found in robustness.items():
        assert list(found) == ["clean", *KINDS]
        assert found["clean"] == judged.result["translation"][name]["chrf"]
        assert all(0 <= score <= 100 for score in found.values())
        assert len(set(found.values())) > 2, "noise shows"


def test_models_from_scratch_have_forgotten_nothing(judged: Any) -> None:
    """The section is there, so that no gate on it breaks, and the file with general text is not missed."""
    assert judged.result["forgetting"] == {}
    assert "general" not in judged.complaints


def test_parity_is_reported(judged: Any) -> None:
    assert set(judged.result["parity"]) == {"en-xx", "xx-en"}
    for found in judged.result["parity"].values():
        assert found["logits_max_abs"] < 1e-3
        assert min(found["sequences_equal"], found["sequences_equal_beam"]) > 80
        assert found["sequences_unexplained"] == 0
        assert found["int8_chrf_drop"] <= found["int8_chrf_drop_upper"]


def test_scored_again_a_pair_has_the_same_score(judged: Any, world: Any) -> None:
    translator = load_translator(world.bundles, 1, beams=2)
    for pair in (("en", "de"), ("zh", "es")):
        name = "-".join(pair)
        done = translate_sets(translator, pair, Sets.read(world.translation).having(pair))
        again = score_pair(translator, pair, done, world.params.evaluate_translation)
        assert again.items() <= judged.result["translation"][name].items()
        rows = [json.loads(line) for line in (judged.out / f"translations/{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        assert [row["translation"] for row in rows] == [text for part in PARTS for text in done.hypotheses[part]]

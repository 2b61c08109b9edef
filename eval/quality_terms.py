"""Whether a glossary is obeyed: sentences with terms that no training text has, translated as the service would.

    none      without a glossary: what the model makes of such a term by itself
    proper    with the glossary
    random    with a glossary in which the terms of an industry and a part of speech have changed their translations, so that no model
              can know by heart what is asked for
    strict    as proper, with `strict_terms`

Scores are 0..100. `chrf_context` looks at the rest of the sentence: forcing terms must not damage it. It is measured with known terms on
seen patterns, too, where a glossary tells the model nothing new and can do nothing but harm; and on the sentences written by hand.

Not covered: terms of a request (`glossary`), which have no grammar; several translations of one term.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from configs.schema import Params
from data.console import track
from data.glossary import Glossary, Term, glossary_versions, load_glossaries
from data.records import Segment, tree_sha256, write_json, write_text
from data.terms import term_matcher
from eval.metrics.context import chrf_context
from eval.metrics.inflected import inflected
from eval.metrics.scorecard import TermCard, scorecard
from eval.metrics.terminology import term_hits, term_success
from eval.metrics.wanted import TermForms, find_forms
from eval.test_sets import Pair, TestSets
from serving.bundle import load_translator
from serving.glossaries import Glossaries
from serving.translator import Translator
from training import tracking

TESTED = "tested"  # name of the glossary that is asked for


@dataclass(frozen=True)
class TestedTerms:
    """The terms that are tested.

    Attributes:
        known: those that training could know.
        unknown: those held out of it.
    """

    known: list[Term]
    unknown: list[Term]

    @classmethod
    def read(cls, folder: Path, prepared: Path) -> TestedTerms:
        """All terms of a folder of glossaries, divided by those that the preparation stage wrote for training."""
        trained = {term.id for glossary in load_glossaries(prepared / "glossaries").values() for term in glossary.terms}
        terms = [term for glossary in load_glossaries(folder).values() for term in glossary.terms]
        return cls([term for term in terms if term.id in trained], [term for term in terms if term.id not in trained])


@dataclass(frozen=True)
class TermTest:
    """Segments of one pair, and the terms that stand in each on both sides, as often as they do."""

    pair: Pair
    segments: list[Segment]
    terms: list[list[Term]]

    @property
    def sources(self) -> list[str]:
        """The texts to be translated."""
        return [segment.texts[self.pair[0]] for segment in self.segments]

    @property
    def references(self) -> list[str]:
        """Their human translations."""
        return [segment.texts[self.pair[1]] for segment in self.segments]


def evaluate(params: Params, prepared: Path, bundles: Path, glossaries: Path, out: Path, beams: int) -> str:
    """Score how the glossaries are obeyed and write `terms.json` and `terms.jsonl`; returns a sentence about it.

    `beams` is the width of the search in service.

    Raises:
        BundleError: bundles that cannot be served.
        ValueError: broken prepared data.
        GlossaryError: broken glossaries.
    """
    sets, terms = TestSets.read(prepared), TestedTerms.read(glossaries, prepared)
    served = load_translator(bundles, 1, params.export_translation.serve, beams)
    scores: dict[str, dict[str, Any]] = {}
    cards: dict[str, list[TermCard]] = {}
    with tracking.run("evaluate terms", kind="evaluate", profile=params.profile) as run:
        run.dataset("translation", prepared, tree_sha256(prepared))
        run.params({"beams": beams})
        run.glossaries(glossary_versions(glossaries))
        pairs = sets.pairs(params.prepare_translation.languages)
        for pair in track(pairs, "pairs", len(pairs)):
            found, worst = pair_scores(served, pair, sets, terms, params.seed)
            scores |= {"-".join(pair): found} if found else {}
            cards |= {"-".join(pair): worst} if worst else {}
        write_json(out / "terms.json", {"terms": scores})
        write_text(out / "terms.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in cards_json(cards)))
        run.metrics({key: value for key, value in tracking.flatten({"terms": scores}).items() if isinstance(value, int | float)})
        run.file(out / "terms.jsonl")
    obeyed = [found["proper"] for found in scores.values() if "proper" in found]
    mean = f", {sum(obeyed) / len(obeyed):.1f} % of unknown terms obeyed" if obeyed else ", no term that training does not know"
    return f"{out / 'terms.json'}: {len(scores)} pairs{mean}"


def pair_scores(served: Translator, pair: Pair, sets: TestSets, terms: TestedTerms, seed: int) -> tuple[dict[str, Any], list[TermCard]]:
    """Everything that is measured of a pair, nothing where it has no terms; and a card for each unknown term."""
    of_pair, found, cards = sets.having(pair), dict[str, Any](), list[TermCard]()
    unknown = term_test(of_pair.terms, terms.unknown, pair)
    if unknown.segments:
        found, cards = term_scores(served, unknown, seed)
    if len(served.path(*pair)) == 1:  # by way of English there is nothing new to be seen
        found |= known_scores(served, term_test(of_pair.seen, terms.known, pair), "seen")
        found |= known_scores(served, term_test(of_pair.unseen, [*terms.known, *terms.unknown], pair), "unseen")
    return found, cards


def term_test(segments: Sequence[Segment], terms: Sequence[Term], pair: Pair) -> TermTest:
    """The segments in which a term stands on both sides; only what the reference has can be asked for."""
    source, target = pair
    known = {term.id: term for term in terms if term.words(source) and term.words(target)}
    matcher = term_matcher(known.values(), source)
    kept, found = [], []
    for segment in (segment for segment in segments if segment.translates(*pair)):
        matched = [known[match.term.id] for match in matcher.find(segment.texts[source])]
        wanted = [term for term in matched if find_forms(segment.texts[target], [TermForms.of(term, target)])]
        if wanted:
            kept.append(segment)
            found.append(wanted)
    return TermTest(pair, kept, found)


def permuted(terms: Sequence[Term], language: str, seed: int) -> dict[str, Term]:
    """Every term with the translation of another of its industry and part of speech (its tags, where none is said), by id.

    A term that is alone in its group keeps its own.
    """
    groups: dict[tuple[str, ...], list[Term]] = {}
    for term in sorted(terms, key=lambda term: term.id):
        groups.setdefault((term.id.split("/")[0], term.pos or ",".join(term.tags)), []).append(term)
    found = {}
    for group in groups.values():
        random.Random(f"{seed}/{group[0].id}").shuffle(group)
        for term, other in zip(group, [*group[1:], group[0]], strict=True):
            synonyms = {name: words for name, words in term.synonyms.items() if name != language}
            found[term.id] = replace(term, forms={**term.forms, language: other.forms[language]}, synonyms=synonyms)
    return found


def translate(served: Translator, test: TermTest, terms: Sequence[Term] = (), *, strict: bool = False) -> list[str]:
    """The translations with a glossary of these terms; without one where there are none."""
    glossaries = Glossaries({TESTED: Glossary(TESTED, tuple(terms))})
    source, target = test.pair
    answers = served.translate(
        test.sources, source=source, target=target, industry=TESTED if terms else None, glossaries=glossaries, strict_terms=strict
    )
    return [answer.text for answer in answers]


def term_scores(served: Translator, unknown: TermTest, seed: int) -> tuple[dict[str, Any], list[TermCard]]:
    """How the glossary is obeyed, and a card for each term under `proper`, the worst first.

    Args:
        served: the models.
        unknown: sentences with terms that are in no training text.
        seed: of the permutation.
    """
    target = unknown.pair[1]
    asked = {term.id: term for terms in unknown.terms for term in terms}
    others = permuted(list(asked.values()), target, seed)
    made = {
        "none": translate(served, unknown),
        "proper": translate(served, unknown, list(asked.values())),
        "random": translate(served, unknown, list(others.values())),
    }
    made["strict"] = _strict(served, unknown, made["proper"], list(asked.values()))
    forms = [[TermForms.of(term, target) for term in terms] for terms in unknown.terms]
    swapped = [[TermForms.of(others[term.id], target) for term in terms] for terms in unknown.terms]
    wanted = dict.fromkeys(made, forms) | {"random": swapped}
    scores: dict[str, Any] = {mode: term_success(texts, _surfaces(wanted[mode])) for mode, texts in made.items()}
    scores |= {f"chrf_context_{mode}": _context(made[mode], unknown, wanted[mode], forms) for mode in ("none", "proper", "random")}
    scores |= {"terms": sum(map(len, unknown.terms)), "terms_distinct": len(asked), "segments": len(unknown.segments)}
    scores |= _inflected(made["proper"], unknown, forms)
    scores["by_industry"] = _by_industry(made, wanted)
    return scores, scorecard(unknown.sources, unknown.references, made["proper"], forms)


def _strict(served: Translator, test: TermTest, proper: Sequence[str], terms: Sequence[Term]) -> list[str]:
    """The translations with `strict_terms`: those of `proper`, but for those that lack something, of which strict ones are made."""
    forms = [[term.surfaces(test.pair[1]) for term in wanted] for wanted in test.terms]
    lacking = [i for i, text in enumerate(proper) if not all(term_hits(text, forms[i]))]
    again = TermTest(test.pair, [test.segments[i] for i in lacking], [test.terms[i] for i in lacking])
    repaired = dict(zip(lacking, translate(served, again, terms, strict=True), strict=True))
    return [repaired.get(i, text) for i, text in enumerate(proper)]


def known_scores(served: Translator, test: TermTest, name: str) -> dict[str, float]:
    """What a glossary does where the terms may be known: success, and chrF of the rest, without and with it; keys end in `name`."""
    if not test.segments:
        return {}
    target = test.pair[1]
    known = {term.id: term for terms in test.terms for term in terms}
    forms = [[TermForms.of(term, target) for term in terms] for terms in test.terms]
    without, obeyed = translate(served, test), translate(served, test, list(known.values()))
    return {
        f"none_{name}": term_success(without, _surfaces(forms)),
        f"proper_{name}": term_success(obeyed, _surfaces(forms)),
        f"chrf_context_none_{name}": _context(without, test, forms, forms),
        f"chrf_context_proper_{name}": _context(obeyed, test, forms, forms),
        f"terms_{name}": sum(map(len, test.terms)),
    }


def _by_industry(made: Mapping[str, Sequence[str]], wanted: Mapping[str, Sequence[Sequence[TermForms]]]) -> dict[str, dict[str, float]]:
    """Term success of each industry's terms, per mode."""
    found: dict[str, dict[str, float]] = {}
    industries = sorted({term.id.split("/")[0] for terms in wanted["proper"] for term in terms})
    for industry in industries:
        own = {mode: [[term for term in terms if term.id.startswith(f"{industry}/")] for terms in wanted[mode]] for mode in made}
        scores: dict[str, float] = {mode: term_success(texts, _surfaces(own[mode])) for mode, texts in made.items()}
        found[industry] = {**scores, "terms": sum(map(len, own["proper"]))}
    return found


def _surfaces(terms: Sequence[Sequence[TermForms]]) -> list[list[list[str]]]:
    return [[term.surfaces for term in wanted] for wanted in terms]


def _context(texts: Sequence[str], test: TermTest, theirs: Sequence[Sequence[TermForms]], true: Sequence[Sequence[TermForms]]) -> float:
    return chrf_context(texts, test.references, _surfaces(theirs), _surfaces(true)).score


def _inflected(texts: Sequence[str], test: TermTest, forms: Sequence[Sequence[TermForms]]) -> dict[str, float]:
    """How many of the references' inflected forms are met; nothing for a language in which none is inflected."""
    try:
        found = inflected(texts, test.references, forms)
    except ValueError:
        return {}
    return {"inflected": found.score, "inflected_terms": found.count}


def cards_json(cards: Mapping[str, Sequence[TermCard]]) -> list[dict[str, Any]]:
    """The cards of all pairs as rows for a table."""
    rows = []
    for pair, found in cards.items():
        for card in found:
            miss = {"source": card.miss.source, "reference": card.miss.reference, "translation": card.miss.hypothesis} if card.miss else {}
            rows.append({"pair": pair, "term": card.id, "wanted": card.wanted, "hits": card.hits, **miss})
    return rows

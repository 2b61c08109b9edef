"""What takes too long for every line of a large data set: measured on a sample, and said to be.

Not covered: telling languages in other scripts than Latin and Chinese; terms in a locale's own spelling on the side translated into.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from configs.schema import LanguageFilter
from data.checks import combination_key
from data.cleaning import LATIN_LANGUAGES
from data.folding import fold
from data.glossary import Glossary
from data.language import UnknownLanguageError, confidence, detect
from data.near import NearTexts
from data.normalize import comparable
from data.profiling.figures import percent, visible
from data.profiling.opened import SERVED, Item
from data.profiling.reading import EXAMPLES, Counted, reference
from data.protect import find_protected
from data.terms import TermMatcher, Wanted, occurs

DETECTED = 2_000  # texts whose language is told: lingua takes a third of a millisecond for each
NEAR = 2_000  # texts on either side of the search for near ones
TOP_TERMS = 20


def languages_told(items: Sequence[Item], limits: LanguageFilter) -> dict[str, Any]:
    """Language -> how many of its texts are in it by their words, what the others are in, and which fall below the confidence."""
    wanted = _long_texts(items, limits.shortest)
    found = {}
    for language, texts in wanted.items():
        known = _told_apart(language, tuple(wanted))
        if language and known:
            found[language] = _told(language, texts, known, limits.least_confidence)
    return found


def _long_texts(items: Sequence[Item], shortest: int) -> dict[str, list[tuple[str, str]]]:
    """Language -> (where, text), as many of each, of the texts long enough to be told."""
    texts: dict[str, list[tuple[str, str]]] = defaultdict(list)
    most = DETECTED // max(1, len({language for item in items[:DETECTED] for language in item.texts}))
    for item in items:
        for language, text in item.texts.items():
            if len(texts[language]) < most and len(comparable(text)) >= shortest:
                texts[language].append((item.where, text))
    return {language: found for language, found in texts.items() if found}


def _told_apart(language: str, others: tuple[str, ...]) -> tuple[str, ...]:
    """The languages that can be told among a text's own, the data set's and those served; nothing if its own cannot.

    `data.language.detect` tells Chinese by its characters and the languages of Latin letters by their words.
    """
    known = {code for code in {language, *others, *SERVED} if code in LATIN_LANGUAGES or code == "zh"}
    return tuple(sorted(known)) if language in known else ()


def _told(language: str, texts: Sequence[tuple[str, str]], known: tuple[str, ...], least: float) -> dict[str, Any]:
    others, unsure = Counted(), 0
    for where, text in texts:
        try:
            told = detect(text, known)
        except UnknownLanguageError:
            told = "none of them"
        if told != language:
            others.add(told, where, text)
        unsure += confidence(text, language) < least
    differ = others.counts.total()
    examples = [example for name in others.counts for example in others.examples[name]][:EXAMPLES]
    return {
        "sample": len(texts),
        "agree": len(texts) - differ,
        "agree_percent": percent(len(texts) - differ, len(texts)),
        "others": dict(others.counts.most_common()),
        "dropped": unsure,
        "dropped_percent": percent(unsure, len(texts)),
        "examples": examples,
    }


def near_texts(items: Sequence[Item], least_percent: float) -> dict[str, Any]:
    """How many texts of one half of a sample nearly repeat one of the other half, values masked, copies left out."""
    texts = list({comparable(text): text for item in items[: 4 * NEAR] for text in [item.texts[reference(item.texts)]]}.values())
    half = min(NEAR, len(texts) // 2)
    index = NearTexts(texts[:half], least_percent)
    found = [(text, other) for text in texts[half : 2 * half] if (other := index.find(combination_key(text))) is not None]
    shown = [{"text": visible(text), "like": visible(other)} for text, other in found[:EXAMPLES]]
    return {"sample": half, "count": len(found), "percent": percent(len(found), half), "from_percent": least_percent, "examples": shown}


def same_but_for_values(items: Sequence[Item]) -> dict[str, Any]:
    """How many different texts equal another one but for protected values: numbers, codes, amounts."""
    texts = {comparable(text): text for item in items for text in [item.texts[reference(item.texts)]]}
    alike: dict[str, list[str]] = defaultdict(list)
    for text in texts.values():
        alike[combination_key(text)].append(text)
    count = len(texts) - len(alike)
    shown = sorted(filter(lambda group: len(group) > 1, alike.values()), key=len, reverse=True)[:EXAMPLES]
    examples = [{"text": visible(group[0]), "count": len(group)} for group in shown]
    return {"sample": len(texts), "count": count, "percent": percent(count, len(texts)), "examples": examples}


def protected_values(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Per kind of protected value: items that hold it, its number, and how many of them every translation has too."""
    found, values, kept = Counted(), Counter[str](), Counter[str]()
    for item in items:
        first = reference(item.texts)
        others = [text for language, text in item.texts.items() if language != first]
        spans = find_protected(item.texts[first])
        values.update(span.kind for span in spans)
        kept.update(span.kind for span in spans if all(span.text in text for text in others))
        for kind, text in {span.kind: span.text for span in spans}.items():
            found.add(kind, item.where, text)
    return [
        {
            "kind": kind,
            "items": count,
            "percent": percent(count, len(items)),
            "values": values[kind],
            "kept_percent": percent(kept[kind], values[kind]),
            "examples": list(dict.fromkeys(example["text"] for example in found.examples[kind])),
        }
        for kind, count in found.counts.most_common()
    ]


class TermCounts:
    """Which terms of the glossaries stand in a sample, and how often their listed translations stand beside them.

    Args:
        glossaries: industry -> its terms.
    """

    def __init__(self, glossaries: Mapping[str, Glossary]) -> None:
        self._terms = {term.id: term for glossary in glossaries.values() for term in glossary.terms}
        self._industries = tuple(glossaries)
        self._by_form: dict[str, dict[str, list[str]]] = {}
        self._matchers: dict[str, TermMatcher] = {}
        self._items: Counter[str] = Counter()
        self._with_any: Counter[str] = Counter()
        self._compared: Counter[tuple[str, str]] = Counter()
        self._translated: Counter[tuple[str, str]] = Counter()

    def _prepare(self, language: str) -> None:
        """One matcher for all glossaries: a form may be of a term in several."""
        forms: dict[str, list[str]] = defaultdict(list)
        for term in self._terms.values():
            for form in dict.fromkeys(fold(form).text for form in term.read_as(language)):
                forms[form].append(term.id)
        self._by_form[language] = forms
        self._matchers[language] = TermMatcher(Wanted(form, (form,), ()) for form in forms)

    def add(self, item: Item) -> None:
        """Look for terms in one item."""
        first = reference(item.texts)
        if first not in self._matchers:
            self._prepare(first)
        matches = self._matchers[first].find(item.texts[first])
        met = sorted({term for match in matches for term in self._by_form[first][match.term.id]})
        self._items.update(met)
        self._with_any.update({term.split("/")[0] for term in met} | ({""} if met else set()))
        for term in met:
            self._compare(term, first, item.texts)

    def _compare(self, term: str, first: str, texts: Mapping[str, str]) -> None:
        for language, text in texts.items():
            forms = self._terms[term].read_as(language) if language != first else ()
            if forms:
                self._compared[term, language] += 1
                self._translated[term, language] += occurs(text, forms)

    def summary(self, sample: int) -> dict[str, Any]:
        """Items with a term, per industry and in all; the most frequent terms; how often each language has the listed translation."""
        languages = sorted({language for _, language in self._compared})
        totals = {language: self._share(language, set(self._terms)) for language in languages}
        industries = [
            {
                "industry": industry,
                "items": self._with_any[industry],
                "percent": percent(self._with_any[industry], sample),
                "terms": sum(term.startswith(f"{industry}/") for term in self._items),
            }
            for industry in sorted(self._industries, key=lambda name: -self._with_any[name])
        ]
        top = [self._top(term, count, languages) for term, count in self._items.most_common(TOP_TERMS)]
        whole = {"items": self._with_any[""], "percent": percent(self._with_any[""], sample)}
        return {"sample": sample, **whole, "industries": industries, "top": top, "translated": totals}

    def _top(self, term: str, count: int, languages: Sequence[str]) -> dict[str, Any]:
        forms = self._terms[term].forms
        shares = {language: self._share(language, {term}) for language in languages}
        word = forms.get("en") or next(iter(forms.values()))
        return {"term": word["base"], "industry": term.split("/")[0], "items": count, "translated": shares}

    def _share(self, language: str, terms: set[str]) -> dict[str, Any]:
        compared = sum(count for (term, code), count in self._compared.items() if code == language and term in terms)
        translated = sum(count for (term, code), count in self._translated.items() if code == language and term in terms)
        return {"compared": compared, "translated": translated, "percent": percent(translated, compared) if compared else None}


def term_counts(items: Sequence[Item], glossaries: Mapping[str, Glossary]) -> dict[str, Any]:
    """The terms of a sample; empty without glossaries."""
    if not glossaries:
        return {}
    counts = TermCounts(glossaries)
    for item in items:
        counts.add(item)
    return counts.summary(len(items))


def conflicts(items: Sequence[Item], hashes: set[int]) -> Iterator[dict[str, str]]:
    """Messages of the sample whose text stands there with another intent too."""
    found = [item for item in items if hash(comparable(next(iter(item.texts.values())))) in hashes]
    found.sort(key=lambda item: comparable(next(iter(item.texts.values()))))
    for item in found[: 2 * EXAMPLES]:
        yield {"where": item.where, "text": visible(f"{item.labels['intent']}: {next(iter(item.texts.values()))}")}

"""The one pass over a data set: everything that is counted exactly, and the samples for what takes longer.

Of each text 8 bytes are kept (its hash), of the samples and examples a fixed number: a million segments of two
languages took 4 minutes and 400 MB (measured, two busy cores).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from configs.schema import Cleaning
from data.cleaning import USUAL_LENGTH, explain, problem
from data.language import UNSPACED
from data.normalize import comparable, normalize
from data.profiling.characters import MEANING, odd_characters
from data.profiling.figures import Distribution, Frequent, Keys, Sample, percent, visible, visible_texts
from data.profiling.opened import Item
from data.records import Reject

EXAMPLES = 5  # of each finding
REJECTS = 20  # shown
MOST_FREQUENT = 10  # texts shown of each language
SAMPLED = 50_000  # items for the slower measurements; a share of them is right to half a percent
RATIO_SCALE = 100  # length ratios are counted in hundredths
LARGEST_RATIO = 50  # larger ones count as this: a line beside nothing
NO_WORDS = UNSPACED | {"ja", "th", "zh-Hant"}  # languages whose words no space tells


@dataclass
class Counted:
    """How often something was met, with the first examples."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def add(self, name: str, where: str, *texts: str) -> None:
        """Count it once more."""
        self.counts[name] += 1
        if len(shown := self.examples.setdefault(name, [])) < EXAMPLES:
            shown.append({"where": where, "text": visible_texts(texts)})

    def summary(self, whole: int, meaning: Mapping[str, str]) -> list[dict[str, Any]]:
        """One entry a name, the most frequent first."""
        return [
            {"name": name, "meaning": meaning[name], "count": count, "percent": percent(count, whole), "examples": self.examples[name]}
            for name, count in self.counts.most_common()
        ]


class Texts:
    """What is counted of the texts of one language."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._characters, self._words = Distribution(), Distribution()
        self._frequent = Frequent()
        self._empty = 0
        self.keys = Keys()
        self.characters = 0

    def add(self, text: str) -> int:
        """Count a normalised text; returns the hash of what its copies share."""
        form = comparable(text)
        key = hash(form)
        self.keys.add(key)
        self.characters += len(text)
        self._characters.add(len(text))
        if self._language not in NO_WORDS:
            self._words.add(len(text.split()))
        if form:
            self._frequent.add(key, text)
        else:
            self._empty += 1
        return key

    def summary(self) -> dict[str, Any]:
        """Sizes, lengths, repeated texts, the most frequent ones."""
        lengths = self._characters.summary()
        return {
            "texts": lengths["count"],
            "empty": self._empty,
            "repeated": self.keys.repeated(),
            "characters": lengths,
            "words": self._words.summary(),
            "frequent": self._frequent.most(MOST_FREQUENT, self.keys),
        }


class Labels:
    """Labels of messages, and whether one text has two of them."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._others: dict[str, Counter[str]] = {"sentiment": Counter(), "urgency": Counter()}
        self._numbers: dict[str, int] = {}
        self._intents = Keys()
        self._with_history = 0

    def add(self, item: Item) -> None:
        """Count a message."""
        intent = item.labels["intent"]
        self._counts[intent, next(iter(item.texts))] += 1
        self._intents.add(self._numbers.setdefault(intent, len(self._numbers)))
        self._with_history += item.turns > 0
        for head, counts in self._others.items():
            if head in item.labels:
                counts[item.labels[head]] += 1

    def conflicting(self, texts: Keys) -> tuple[int, set[int]]:
        """How many different texts have more than one intent, and their hashes."""
        pairs = np.unique(np.stack([texts.values(), self._intents.values()], axis=1), axis=0)  # (different pairs, 2)
        found, counts = np.unique(pairs[:, 0], return_counts=True)
        return int((counts > 1).sum()), set(found[counts > 1].tolist())

    def summary(self) -> dict[str, Any]:
        """Messages per intent and language, per sentiment and per urgency."""
        intents: dict[str, dict[str, int]] = defaultdict(dict)
        for (intent, language), count in sorted(self._counts.items()):
            intents[intent][language] = count
        ordered = dict(sorted(intents.items(), key=lambda entry: -sum(entry[1].values())))
        others = {head: dict(counts.most_common()) for head, counts in self._others.items()}
        return {"intents": ordered, **others, "with_history": self._with_history}


class Reading:
    """One pass over a data set.

    Args:
        cleaning: the thresholds by which a line is suspicious; all filters are taken as switched on, but for that of the language,
            which takes too long for every line.
        labelled: whether items are messages.
    """

    def __init__(self, cleaning: Cleaning, labelled: bool) -> None:
        sections = ("length", "script", "length_ratio")
        on: dict[str, Any] = {name: getattr(cleaning, name).model_copy(update={"enabled": True}) for name in sections}
        on |= dict.fromkeys(("empty", "markup", "copies", "numbers", "urls"), True)
        self._cleaning = cleaning.model_copy(update=on | {"language": cleaning.language.model_copy(update={"enabled": False})})
        self.texts: dict[str, Texts] = {}
        self.ratios: dict[tuple[str, str], Distribution] = {}
        self.whole, self.firsts = Keys(), Keys()
        self._frequent = Frequent()
        self.labels = Labels() if labelled else None
        self.suspicious, self.odd = Counted(), Counted()
        self.files: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.rejects: list[dict[str, Any]] = []
        self.sample: Sample[Item] = Sample(SAMPLED)
        self.read = 0

    def take(self, items: Iterable[Item | Reject]) -> None:
        """Count all items."""
        for item in items:
            if isinstance(item, Reject):
                self._reject(item)
            else:
                self._item(item)

    def _reject(self, reject: Reject) -> None:
        self.rejected[re.sub(r"\d[\d,]*", "N", reject.reason)] += 1
        if len(self.rejects) < REJECTS:
            self.rejects.append({"where": f"{reject.file}:{reject.line}", "reason": reject.reason, "text": visible(reject.text)})

    def _item(self, item: Item) -> None:
        self.read += 1
        self.files[item.where.rpartition(":")[0]] += 1
        texts = {language: normalize(text) for language, text in item.texts.items()}
        self._count_texts(texts)
        odd = dict(place for language, text in item.texts.items() for place in odd_characters(text, language))
        for kind, place in odd.items():
            self.odd.add(kind, item.where, place)
        if reason := problem(texts, self._cleaning):
            self.suspicious.add(reason, item.where, *texts.values())
        if self.labels is not None:
            self.labels.add(item)
        self.sample.add(item._replace(texts=texts))

    def _count_texts(self, texts: Mapping[str, str]) -> None:
        keys = {}
        for language, text in texts.items():
            if language not in self.texts:
                self.texts[language] = Texts(language)
            keys[language] = self.texts[language].add(text)
        whole = hash(tuple(sorted(keys.items())))
        self.whole.add(whole)
        self.firsts.add(keys[reference(texts)])
        self._frequent.add(whole, *texts.values())
        if len(texts) > 1:
            self._count_ratios(texts)

    def _count_ratios(self, texts: Mapping[str, str]) -> None:
        first = reference(texts)
        for language, text in texts.items():
            if language != first and texts[first]:
                ratio = min(len(text) / len(texts[first]), LARGEST_RATIO)
                self.ratios.setdefault((first, language), Distribution(RATIO_SCALE)).add(round(RATIO_SCALE * ratio))

    def duplicates(self) -> dict[str, Any]:
        """Segments or messages that stood there before, and first texts with several translations."""
        repeated = self.whole.repeated()
        found = {"repeated": repeated, "percent": percent(repeated, self.read), "frequent": self._frequent.most(EXAMPLES, self.whole)}
        if self.labels is None:
            _, once = np.unique(self.whole.values(), return_index=True)
            counts = np.unique(self.firsts.values()[once], return_counts=True)[1]
            found["several_translations"] = int((counts > 1).sum())
        return found

    def ratio_summaries(self) -> dict[str, Any]:
        """How long the texts of a language are beside those of the first, in characters."""
        found = {}
        for (first, language), ratios in self.ratios.items():
            whole = self.texts[language].characters / max(1, self.texts[first].characters)
            usual = [USUAL_LENGTH.get(code) for code in (language, first)]
            expected = round(usual[0] / usual[1], 2) if usual[0] and usual[1] else None
            found[f"{first}-{language}"] = {"whole": round(whole, 3), "usual": expected, **ratios.summary()}
        return found

    def suspicious_summary(self) -> list[dict[str, Any]]:
        """What the filters of `data/cleaning.py` would say, by the first of them."""
        return self.suspicious.summary(self.read, {name: explain(name) for name in self.suspicious.counts})

    def odd_summary(self) -> list[dict[str, Any]]:
        """Kinds of unusual characters."""
        return self.odd.summary(self.read, MEANING)


def reference(texts: Mapping[str, object]) -> str:
    """The language that the others are compared with: English where it is there, else the first."""
    return "en" if "en" in texts else next(iter(texts))

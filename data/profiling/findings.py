"""What a person should know of a data set, and do about it: sentences, each with count, share, examples and a recommendation.

A finding is a `stop` (the preparation would fail), a `mend` (worth doing something about) or a `note`. The order is that.

Not covered: whether a translation is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from data.profiling.figures import percent, percent_text

Profile = Mapping[str, Any]
Finding = dict[str, Any]

LEVELS = ("stop", "mend", "note")
SOME_PERCENT = 1.0  # from here on, what one filter drops is worth a person's look
MANY_PERCENT = 10.0  # from here on, near and value-only copies say that the texts come from templates
WRONG_PERCENT = 5.0  # texts in another language; lingua errs on about as many short ones
UNEVEN = 10.0  # times that the largest intent is larger than the smallest
OFF_USUAL = 1.3  # times that a length ratio is off the usual one of the two languages
POOR_TRANSLATION_PERCENT = 60.0  # of terms beside their listed translation; good references have 50 to 97 % (TICO-19, WMT)
FEW_COMPARED = 20  # terms from which such a share says something
LABELS_OF_TEXTS = 0.5  # labels for each message: above, the column holds no labels

ADVICE = {
    "empty": "there is nothing to learn from them",
    "length": "such texts are headings, lists or several lines run together",
    "script": "the columns may be mixed up, or hold another language",
    "markup": "a model learns from them to lose tags and placeholders",
    "copies": "a model learns from them to leave text untranslated",
    "length_ratio": "such pairs are mostly misaligned; look for a line that is shifted",
    "numbers": "a model learns from them to change numbers; such pairs are often misaligned",
    "urls": "a model learns from them to lose addresses",
}
ODD_ADVICE = {
    "replacement": ("mend", "the text was decoded wrongly before it came here: get it again in its first encoding"),
    "mojibake": ("mend", "the text was decoded wrongly before it was saved: get the original, or mend it before you bring it"),
    "control": ("note", "they are taken out in preparation; look whether words are cut by them"),
    "private_use": ("mend", "they are replaced by U+FFFD in preparation: take them out, or write what they stand for"),
    "invisible": ("note", "those that mean nothing are taken out in preparation"),
    "mixed_scripts": ("mend", "letters that only look alike are other words to a model: spell them in one script"),
    "entities": ("mend", "decode them before you bring the data, unless customers write them so"),
    "full_width": ("note", "they stay as they are; widths other than the customers' are worth converting"),
}


def find(profile: Profile) -> list[Finding]:
    """The findings of a profile, those that stop a preparation first."""
    found = [finding for finder in FINDERS for finding in finder(profile)]
    return sorted(found, key=lambda finding: LEVELS.index(finding["level"]))


def _finding(level: str, text: str, do: str, count: int, share: float | None, examples: Sequence[Mapping[str, Any]] = ()) -> Finding:
    sentence = do[0].upper() + do[1:]
    return {"level": level, "text": text, "count": count, "percent": share, "recommendation": sentence, "examples": list(examples)}


def rejects(profile: Profile) -> Iterator[Finding]:
    """Lines that cannot be read."""
    rejected, allowed = profile["rejected"], profile["limits"]["rejected_percent"]
    if rejected["count"]:
        stops = rejected["percent"] > allowed
        do = (
            f"the preparation fails above {allowed:g} %: mend the lines, name format, columns or encoding, or raise intake.rejected_percent"
            if stops
            else "the preparation leaves them out and lists them in rejects/"
        )
        text = f"Lines that could not be read: {rejected['count']:,} ({percent_text(rejected['percent'])})."
        shown = [{"where": reject["where"], "text": reject["reason"]} for reject in rejected["first"][:3]]
        yield _finding("stop" if stops else "note", text, do, rejected["count"], rejected["percent"], shown)


def size(profile: Profile) -> Iterator[Finding]:
    """Too few segments to hold some out."""
    needed, read = profile["limits"]["held_out"], profile["read"]
    if profile["unit"] == "segments" and read - profile["duplicates"]["repeated"] <= needed:
        text = f"{read:,} segments are too few to hold {needed:,} out for validation and test."
        yield _finding("stop", text, "bring more, or name a part other than split (part: train)", read, None)


def encodings(profile: Profile) -> Iterator[Finding]:
    """Files that are not UTF-8."""
    others = [file for file in profile["files"] if file["encoding"] not in {"utf-8", "utf-16", "utf-32", "as the format says", "ascii"}]
    if others:
        names = ", ".join(sorted({file["encoding"] for file in others}))
        text = f"Files that are not Unicode: {len(others)} of {len(profile['files'])} ({names})."
        examples = [{"where": file["file"], "text": file["encoding"]} for file in others[:3]]
        do = "if the examples on this page look right, nothing; else name the encoding (encoding: gb18030)"
        yield _finding("note", text, do, len(others), percent(len(others), len(profile["files"])), examples)


def suspicious(profile: Profile) -> Iterator[Finding]:
    """Lines that a filter would drop."""
    for found in profile["suspicious"]:
        name = found["name"]
        on = profile["limits"]["filters"][name]
        level = "mend" if found["percent"] >= SOME_PERCENT or not on else "note"
        switch = f"leave cleaning.{name} on, it drops them" if on else f"the filter cleaning.{name} is off, switch it on"
        text = f"{_many(profile, found)}: {_lower(found['meaning'])}"
        yield _finding(level, text, f"{switch}: {ADVICE[name]}", found["count"], found["percent"], found["examples"])


def _many(profile: Profile, found: Profile) -> str:
    """How many segments or messages, and what share of all."""
    unit = profile["unit"] if found["count"] != 1 else profile["unit"].removesuffix("s")
    return f"{found['count']:,} {unit} ({percent_text(found['percent'])})"


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def copies(profile: Profile) -> Iterator[Finding]:
    """Duplicates and translations that differ."""
    found = profile["duplicates"]
    if found["repeated"]:
        level = "mend" if found["percent"] >= MANY_PERCENT else "note"
        on = profile["limits"]["filters"]["duplicates"]
        do = "leave cleaning.duplicates on, it keeps the first" if on else "switch cleaning.duplicates on: copies in the test part flatter"
        text = f"{_many(profile, found | {'count': found['repeated']})}: repeated from above, case and punctuation aside."
        examples = [{"where": f"{entry['count']:,} times", "text": entry["text"]} for entry in found["frequent"][:3]]
        yield _finding(level if on else "mend", text, do, found["repeated"], found["percent"], examples)
    several = found.get("several_translations", 0)
    if several:
        share = percent(several, profile["read"])
        text = f"Texts with more than one translation: {several:,}."
        do = "fine where both are right; cleaning.duplicate_sides keeps the first only"
        yield _finding("note", text, do, several, share)


def templates(profile: Profile) -> Iterator[Finding]:
    """Texts that nearly repeat others."""
    near, values = profile["near"], profile["but_for_values"]
    if values["percent"] >= MANY_PERCENT:
        text = f"{percent_text(values['percent'])} of {values['sample']:,} different texts equal another but for numbers, codes or amounts."
        do = "the texts come from templates: such copies stay on one side of the split, but the data is smaller than it looks"
        examples = [{"where": f"{entry['count']:,} times", "text": entry["text"]} for entry in values["examples"][:3]]
        yield _finding("note", text, do, values["count"], values["percent"], examples)
    if near["percent"] >= MANY_PERCENT:
        like = f"{near['from_percent']:g} % like one of {near['sample']:,} others"
        text = f"{percent_text(near['percent'])} of {near['sample']:,} texts are {like}."
        do = "training texts near a held-out one are dropped or fail the stage: expect less to train on, and scores that flatter"
        examples = [{"where": entry["like"], "text": entry["text"]} for entry in near["examples"][:3]]
        yield _finding("mend", text, do, near["count"], near["percent"], examples)


def languages(profile: Profile) -> Iterator[Finding]:
    """Texts in another language than they say, and languages that nobody said."""
    if "" in profile["languages"]:
        count = profile["languages"][""]["texts"]
        do = "name it (language: en) or bring a column with it"
        yield _finding("mend", "Nothing says which language the messages are in.", do, count, percent(count, profile["read"]))
    for language, told in profile["detected"].items():
        wrong = 100 - told["agree_percent"]
        if wrong < WRONG_PERCENT and told["dropped_percent"] < SOME_PERCENT:
            continue
        seen = ", ".join(f"{name} {count:,}" for name, count in list(told["others"].items())[:4])
        text = f"{language}: {percent_text(wrong)} of {told['sample']:,} texts looked at seem to be in another language ({seen})."
        on = profile["limits"]["filters"]["language"]
        switch = f"the filter cleaning.language, which is {'on, drops' if on else 'off, would drop'}"
        do = f"{switch} {percent_text(told['dropped_percent'])}; the columns may be mixed up, or texts never translated"
        yield _finding("mend", text, do, told["sample"] - told["agree"], round(wrong, 3), told["examples"][:3])


def lengths(profile: Profile) -> Iterator[Finding]:
    """Languages whose lengths do not go together as they use to."""
    for pair, ratio in profile["ratios"].items():
        usual = ratio["usual"]
        if usual and not usual / OFF_USUAL <= ratio["whole"] <= usual * OFF_USUAL:
            text = f"{pair}: the texts are {ratio['whole']:.2f} times as long, {usual:.2f} is usual for these languages."
            do = "look whether the columns are the right ones, and whether sides are cut off or summarised"
            yield _finding("mend", text, do, ratio["count"], None)


def odd_characters(profile: Profile) -> Iterator[Finding]:
    """Characters that something went wrong with."""
    for found in profile["characters"]:
        if found["name"] in ODD_ADVICE:
            level, do = ODD_ADVICE[found["name"]]
            text = f"{_many(profile, found)}: {found['meaning']}."
            yield _finding(level, text, do, found["count"], found["percent"], found["examples"][:3])


def labels(profile: Profile) -> Iterator[Finding]:
    """Labels that are too few, uneven, unknown, or contradict each other."""
    found = profile.get("labels")
    if found:
        yield from _label_sizes(profile, found)
        yield from _label_names(profile, found)
        conflicting = found["conflicting"]
        if conflicting["count"]:
            text = f"Texts with more than one intent: {conflicting['count']:,}."
            share = percent(conflicting["count"], profile["read"])
            do = "decide for one: no model can learn both"
            yield _finding("mend", text, do, conflicting["count"], share, conflicting["examples"][:4])


def _label_sizes(profile: Profile, found: Profile) -> Iterator[Finding]:
    least, few, count = profile["limits"]["per_intent"], found["few"], len(found["intents"])
    if count > LABELS_OF_TEXTS * profile["read"]:
        text = f"{count:,} different intents for {profile['read']:,} messages: that column holds no labels."
        yield _finding("stop", text, "name the column of the intents (columns: {intent: NAME})", count, None)
    elif few:
        shown = [{"where": name, "text": f"messages: {number:,}"} for name, number in list(few.items())[:5]]
        text = f"Intents with fewer than {least} messages in a language, the least that a split needs: {len(few):,}."
        yield _finding(
            "stop", text, "bring more messages of them, join them with others, or name a part other than split", len(few), None, shown
        )
    if found["imbalance"] and found["imbalance"] >= UNEVEN:
        text = f"The largest intent has {found['imbalance']:,.0f} times as many messages as the smallest."
        yield _finding("mend", text, "bring more of the small ones; judge by macro-F1, not by accuracy", count, None)


def _label_names(profile: Profile, found: Profile) -> Iterator[Finding]:
    unknown = found["unknown"]
    if unknown:
        every = len(unknown) == len(found["intents"])
        text = f"{'All' if every else f'{len(unknown):,} of'} {len(found['intents']):,} intents are not in configs/intents.yaml."
        do = "train on them alone (prepare_intents.shipped: false), or give the messages the names of configs/intents.yaml"
        shown = [{"where": "not known", "text": ", ".join(unknown[:8])}]
        yield _finding("mend", text, do, len(unknown), percent(len(unknown), len(found["intents"])), shown)
    absent = [head for head in ("sentiment", "urgency") if not found[head]]
    if absent:
        text = f"No message has {' or '.join(absent)}."
        yield _finding("note", text, "the model learns them from the shipped messages only, if those are trained on", 0, None)


def terms(profile: Profile) -> Iterator[Finding]:
    """Terms that the texts translate otherwise than the glossaries."""
    found = profile["terms"]
    for language, share in (found.get("translated") or {}).items():
        if share["compared"] >= FEW_COMPARED and share["percent"] < POOR_TRANSLATION_PERCENT:
            text = f"{language}: {percent_text(share['percent'])} of {share['compared']:,} terms stand beside their listed translation."
            do = "look at the terms below: the texts may use other words than the glossaries, and models learn what they see"
            yield _finding("note", text, do, share["compared"] - share["translated"], share["percent"])
    if found and not found["items"] and set(profile["languages"]) != {""}:
        text = f"No term of the {len(found['industries'])} glossaries stands in {found['sample']:,} {profile['unit']}."
        yield _finding("note", text, "another industry: write a glossary for it (data/README.md), or expect no terms to be learned", 0, 0.0)


FINDERS: tuple[Callable[[Profile], Iterator[Finding]], ...] = (
    *(rejects, size, encodings, labels, suspicious, copies, templates, languages, lengths, odd_characters, terms),
)

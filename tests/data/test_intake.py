import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import yaml

from configs.schema import PARAMS_FILE, ROOT, SegmentSource, load_params
from data.checks import combination_key
from data.cleaning import DUPLICATE_SIDES, DUPLICATES, HELD_OUT, HELD_OUT_TERM
from data.glossary import Glossary, Term
from data.intake import (
    ABSENT,
    Cleaned,
    HeldOut,
    clean_source,
    deal,
    deal_sources,
    repeated,
    text_hashes,
    work_folder,
)
from data.records import Reject, Segment, read_jsonl, tree_sha256
from data.tally import EXAMPLES, RejectedError
from data.unknown_terms import TermFinder

LANGUAGES = ("en", "de")
NO_SIZES = {"test": 0, "validation": 0}
NOTHING = np.zeros(0, dtype=np.uint64)
ACTIVE = load_params(PARAMS_FILE).prepare_translation.intake
NO_LANGUAGE = ACTIVE.cleaning.language.model_copy(update={"enabled": False})  # our sentences are in none
PLAIN = ACTIVE.model_copy(update={"processes": 1, "cleaning": ACTIVE.cleaning.model_copy(update={"language": NO_LANGUAGE})})


def cleaning(**changes):
    return PLAIN.model_copy(update={"cleaning": PLAIN.cleaning.model_copy(update=changes)})


def source(path, part="train"):
    return SegmentSource(path=str(path), format=None, encoding=None, columns={}, languages={}, part=part)


def write(path, rows, header=LANGUAGES):
    path.write_text("".join("\t".join(row) + "\n" for row in [header, *rows]), encoding="utf-8")
    return path


def words(count, seed=7):
    """Different sentences in both languages, no two of them near."""
    chance = random.Random(seed)
    for _ in range(count):
        stem = "".join(chance.choices("abcdefghiklmnoprstuw", k=24))
        yield f"{stem} please", f"{stem[::-1]} bitte"


@pytest.fixture
def in_threads(monkeypatch):
    """The pools as threads: a process takes a second to start."""

    def pool(workers, mp_context=None, initializer=None, initargs=()):
        return ThreadPoolExecutor(workers, initializer=initializer, initargs=initargs)

    monkeypatch.setattr("data.intake.ProcessPoolExecutor", pool)


class Intake:
    """The whole way of some sources, as `data.corpus` goes it."""

    def __init__(self, folder, *sources, settings=PLAIN, sizes=NO_SIZES, trained=NOTHING, others=(), seed=7, terms=None, term_tests=0):
        self.folder, self.rejects = folder / "work", folder / "rejects"
        self.cleaned = []
        for number, given in enumerate(sources, 1):
            place, tally = clean_source(given, settings, LANGUAGES, self.folder, self.rejects / f"{number}.jsonl")
            self.cleaned.append(Cleaned.read(given, place, tally))
        dealt = deal_sources(self.cleaned, settings, sizes, trained, seed)
        held_out = HeldOut([*others, *dealt.held_out()], settings.near_duplicate_percent, terms)
        self.parts = {"train": [], "validation": [], "test": [], "test_terms": []}
        for part, line in dealt.deliver(held_out, term_tests, settings.processes):
            self.parts[part].append(Segment.model_validate_json(line))

    @property
    def tallies(self):
        return [cleaned.tally for cleaned in self.cleaned]

    def texts(self, part="train", language="en"):
        return [segment.texts[language] for segment in self.parts[part]]


@pytest.fixture
def take_in(tmp_path, in_threads):
    """Takes sources in, in threads."""
    return lambda *sources, **changes: Intake(tmp_path, *sources, **changes)


def test_segments_come_out_normalised_in_their_order_and_counted(take_in, tmp_path):
    rows = [("One  pump ", "Eine\u00a0Pumpe"), ("Two pumps", "Zwei Pumpen\u200b"), ("Three", "…")]
    found = take_in(source(write(tmp_path / "a.tsv", rows)))
    assert found.parts["train"] == [
        Segment(id="a.tsv:2", pattern="a.tsv", texts={"en": "One pump", "de": "Eine Pumpe"}),
        Segment(id="a.tsv:3", pattern="a.tsv", texts={"en": "Two pumps", "de": "Zwei Pumpen"}),
    ]
    (tally,) = found.tallies
    assert (tally.read, tally.rejected, dict(tally.kept), dict(tally.dropped)) == (3, 0, {"train": 2}, {"empty": 1})
    assert tally.examples == {"empty": ["Three | …"]}


def test_every_segment_is_counted_once(take_in, tmp_path, monkeypatch):
    monkeypatch.setattr("data.intake.CHUNK", 7)
    rows = [*words(40), *words(5), ("5 pumps", "6 Pumpen"), ("77 pumps", "66 Pumpen"), ("", "x")]
    found = take_in(source(write(tmp_path / "a.tsv", rows), "split"), sizes={"test": 5, "validation": 3})
    (tally,) = found.tallies
    assert tally.read == tally.kept.total() + tally.dropped.total() == 48
    assert dict(tally.kept) == {"test": 5, "validation": 3, "train": 33} == {part: len(some) for part, some in found.parts.items() if some}
    assert dict(tally.dropped) == {DUPLICATES: 5, "numbers": 1, "empty": 1}


# Rejects


def test_rejected_lines_are_written_with_their_place(take_in, tmp_path, monkeypatch):
    monkeypatch.setattr("data.intake.CHUNK", 3)
    path = write(tmp_path / "a.tsv", [*words(7), ("lonely",), *words(2, seed=8), ("a", "b", "c")])
    found = take_in(source(path), settings=PLAIN.model_copy(update={"rejected_percent": 20.0}))
    assert read_jsonl(found.rejects / "1.jsonl", Reject) == [
        Reject(file=str(path), line=9, reason="1 fields, expected 2", text="lonely"),
        Reject(file=str(path), line=12, reason="3 fields, expected 2", text="a\tb\tc"),
    ]
    assert (found.tallies[0].read, found.tallies[0].rejected, len(found.parts["train"])) == (9, 2, 9)


def test_a_source_without_rejects_gets_an_empty_file(take_in, tmp_path):
    found = take_in(source(write(tmp_path / "a.tsv", words(3))))
    assert (found.rejects / "1.jsonl").read_bytes() == b""


def test_more_rejects_than_allowed_are_refused_and_all_of_them_written(take_in, tmp_path):
    path = write(tmp_path / "a.tsv", [*words(4), *[("lonely",)] * 4])
    with pytest.raises(RejectedError) as error:
        take_in(source(path), settings=PLAIN.model_copy(update={"rejected_percent": 49.9}))
    rejects = tmp_path / "rejects" / "1.jsonl"
    what = f"4 of 8 lines could not be read, 49.9 % are allowed (rejected_percent); all of them are in {rejects}"
    assert str(error.value).splitlines() == [f"{path}: {what}", *(f"{path}:{n}: 1 fields, expected 2" for n in (6, 7, 8))]
    assert len(read_jsonl(rejects, Reject)) == 4


def test_an_empty_source_is_refused(take_in, tmp_path):
    with pytest.raises(RejectedError, match=r"a\.tsv: holds no lines$"):
        take_in(source(write(tmp_path / "a.tsv", [])))


# Duplicates


def test_a_segment_that_stood_before_goes_whatever_its_case_and_punctuation(take_in, tmp_path):
    first = write(tmp_path / "a.tsv", [("Thanks a lot", "Vielen Dank"), ("THANKS, a lot!", "vielen  Dank."), ("Thanks a lot", "Danke")])
    second = write(tmp_path / "b.tsv", [("Bye", "Tschüss"), ("thanks a lot", "vielen dank"), ("Bye", "Tschüss")])
    found = take_in(source(first), source(second))
    assert found.texts() == ["Thanks a lot", "Thanks a lot", "Bye"]
    assert [dict(tally.dropped) for tally in found.tallies] == [{DUPLICATES: 1}, {DUPLICATES: 2}]
    assert [tally.examples for tally in found.tallies] == [
        {DUPLICATES: ["THANKS, a lot! | vielen Dank."]},
        {DUPLICATES: ["thanks a lot | vielen dank", "Bye | Tschüss"]},
    ]


def test_other_values_make_another_segment(take_in, tmp_path):
    rows = [("Order PO-11", "Auftrag PO-11"), ("Order PO-22", "Auftrag PO-22")]
    assert take_in(source(write(tmp_path / "a.tsv", rows))).texts() == ["Order PO-11", "Order PO-22"]


def test_one_side_that_stood_before_is_a_reason_of_its_own(take_in, tmp_path):
    rows = [("Thanks", "Danke"), ("Thanks", "Vielen Dank"), ("Thank you", "Danke"), ("Thanks", "Danke"), ("Bye", "Tschüss")]
    path = write(tmp_path / "a.tsv", rows)
    found = take_in(source(path), settings=cleaning(duplicate_sides=True))
    assert found.texts() == ["Thanks", "Bye"]
    assert dict(found.tallies[0].dropped) == {DUPLICATE_SIDES: 2, DUPLICATES: 1}
    assert found.tallies[0].examples[DUPLICATE_SIDES] == ["Thanks | Vielen Dank", "Thank you | Danke"]


def test_duplicates_stay_where_the_filter_is_off(take_in, tmp_path):
    path = write(tmp_path / "a.tsv", [("Thanks", "Danke")] * 3)
    assert len(take_in(source(path), settings=cleaning(duplicates=False)).texts()) == 3


def test_of_many_duplicates_some_are_shown(take_in, tmp_path):
    tally = take_in(source(write(tmp_path / "a.tsv", [("Thanks", "Danke")] * 20))).tallies[0]
    assert tally.dropped[DUPLICATES] == 19
    assert tally.examples[DUPLICATES] == ["Thanks | Danke"] * EXAMPLES


def rows(*segments):
    """Exact hashes of segments, given as a text per language or `None`."""
    return np.array([[text_hashes(text)[0] for text in segment] for segment in segments], dtype=np.uint64)


def test_a_language_that_is_absent_repeats_nothing():
    hashes = rows(("a", None), ("b", None), ("a", None), (None, "c"), ("a", "c"))
    whole, sides = repeated(hashes, cleaning(duplicate_sides=True).cleaning)
    assert whole.tolist() == [False, False, True, False, False]
    assert sides.tolist() == [False, False, False, False, True]


def test_the_hashes_of_a_text():
    assert text_hashes("Order PO-11!") != text_hashes("Order PO-22!")
    assert text_hashes("Order PO-11!")[1] == text_hashes("order PO-22")[1]
    assert text_hashes("Order!") == text_hashes("order")
    assert text_hashes(None) == (ABSENT, ABSENT)
    assert ABSENT not in text_hashes("")


# Held out


SIZES = {"test": 10, "validation": 6}


def test_a_split_source_gives_the_sizes_asked_for_by_the_hash_of_the_sentence(take_in, tmp_path):
    pairs = list(words(60))
    found = take_in(source(write(tmp_path / "a.tsv", pairs), "split"), sizes=SIZES)
    assert {part: len(some) for part, some in found.parts.items()} == {"train": 44, "validation": 6, "test": 10, "test_terms": 0}
    random.Random(1).shuffle(pairs)
    again = take_in(source(write(tmp_path / "b.tsv", pairs), "split"), sizes=SIZES)
    other = take_in(source(write(tmp_path / "b.tsv", pairs), "split"), sizes=SIZES, seed=8)
    assert set(again.texts("test")) == set(found.texts("test"))
    assert set(other.texts("test")) != set(found.texts("test"))


def test_a_source_too_small_to_hold_out_from_is_refused(take_in, tmp_path):
    with pytest.raises(ValueError, match=r"^.*a\.tsv: 16 segments are left, but 16 are to be held out of them$"):
        take_in(source(write(tmp_path / "a.tsv", [*words(16), *words(16)]), "split"), sizes=SIZES)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_a_source_is_the_part_that_it_says(take_in, tmp_path, part):
    found = take_in(source(write(tmp_path / "a.tsv", words(5)), part), sizes=SIZES)
    assert {name: len(some) for name, some in found.parts.items() if some} == {part: 5}


def test_what_one_source_tests_another_does_not_train_on(take_in, tmp_path):
    held_out = [("Where is PO-11?", "Wo ist PO-11?"), ("The axle is bent", "Die Achse ist krumm")]
    trained = [
        ("where is PO-22", "Wo steckt PO-22?"),
        ("The shaft is bent", "Die Achse ist krumm!"),
        ("The valve leaks", "Das Ventil leckt"),
    ]
    first, second = write(tmp_path / "a.tsv", trained), write(tmp_path / "b.tsv", held_out)
    found = take_in(source(first), source(second, "test"))
    assert found.texts("train") == ["The valve leaks"]
    assert found.texts("test") == ["Where is PO-11?", "The axle is bent"]
    assert [dict(tally.dropped) for tally in found.tallies] == [{HELD_OUT: 2}, {}]
    assert [dict(tally.kept) for tally in found.tallies] == [{"train": 1}, {"test": 2}]
    assert found.tallies[0].examples[HELD_OUT] == ["where is PO-22 | Wo steckt PO-22?", "The shaft is bent | Die Achse ist krumm!"]


LONG = "Please tell us when the goods will leave the port of Hamburg"


@pytest.mark.parametrize(("percent", "left"), [(80.0, ["Bye for now"]), (100.0, [f"{LONG}, ok?", "Bye for now"])])
def test_what_is_nearly_held_out_is_not_trained_on(take_in, tmp_path, percent, left):
    path = write(
        tmp_path / "a.tsv",
        [(f"{LONG}, ok?", "Wann geht die Ware ab Hamburg?"), (LONG, "Bitte um das Auslaufdatum."), ("Bye for now", "Tschüss")],
    )
    others = [Segment(id="1", pattern="p", texts={"en": f"{LONG}!", "zh": "货物什么时候离港"})]
    settings = PLAIN.model_copy(update={"near_duplicate_percent": percent})
    found = take_in(source(path), settings=settings, others=others)
    assert found.texts() == left
    assert found.tallies[0].dropped[HELD_OUT] == 3 - len(left)


def test_one_combination_is_never_on_both_sides(take_in, tmp_path):
    sentences = list(words(12))
    pairs = [(f"{en} PO-{i}{j}", f"{de} PO-{i}{j}") for i, (en, de) in enumerate(sentences, 11) for j in range(8)]
    found = take_in(source(write(tmp_path / "a.tsv", pairs), "split"), sizes=SIZES)
    keys = {part: {combination_key(text) for text in found.texts(part)} for part in found.parts}
    assert (len(found.parts["test"]), len(found.parts["validation"])) == (16, 8)  # whole combinations, of 8 sentences each
    assert keys["test"].isdisjoint(keys["validation"])
    assert keys["train"]
    assert keys["train"].isdisjoint(keys["test"] | keys["validation"])
    assert found.tallies[0].kept.total() + found.tallies[0].dropped[HELD_OUT] == len(pairs)


def test_what_is_trained_on_already_is_not_held_out(take_in, tmp_path):
    pairs = list(words(40))
    known = np.array([text_hashes(en)[1] for en, _ in pairs[:20]], dtype=np.uint64)
    found = take_in(source(write(tmp_path / "a.tsv", pairs), "split"), sizes=SIZES, trained=known)
    held_out = {*found.texts("test"), *found.texts("validation")}
    assert len(held_out) == 16
    assert held_out.isdisjoint(en for en, _ in pairs[:20])
    assert {en for en, _ in pairs[:20]} <= set(found.texts("train"))


def test_segments_without_the_first_language_are_dealt_by_another():
    hashes = rows(*[(None, text) for _, text in words(30)])
    parts = deal(hashes, np.ones(30, dtype=bool), SIZES, seed=7)
    assert [np.count_nonzero(parts == name) for name in ("test", "validation", "train")] == [10, 6, 14]
    assert parts.tolist()[:10] != ["test"] * 10


# Held-out terms


PUMP = Term("m/pump", ("part",), {"en": {"base": "bilge pump", "pl": "bilge pumps"}, "de": {"base": "Lenzpumpe"}})
SEAL = Term("m/seal", ("part",), {"en": {"base": "bilge pump seal"}, "de": {"base": "Lenzpumpendichtung"}})
FINDER = TermFinder({"m": Glossary("m", (PUMP, SEAL))}, {"m/pump"}, LANGUAGES)


def with_pumps(count, seed=7):
    """Sentences of which every other one has the term, in one language only."""
    for i, (en, de) in enumerate(words(count, seed)):
        yield (f"{en} bilge pumps" if i % 4 == 1 else en), (f"{de} Lenzpumpe" if i % 4 == 3 else de)


@pytest.mark.parametrize("term_tests", [0, 1, 5, 12, 50])
def test_a_segment_with_a_held_out_term_does_not_train_the_first_ones_test(take_in, tmp_path, monkeypatch, term_tests):
    monkeypatch.setattr("data.intake.CHUNK", 5)
    pairs = [list(with_pumps(16)), list(with_pumps(8, seed=8))]
    files = [source(write(tmp_path / f"{name}.tsv", rows)) for name, rows in zip("ab", pairs, strict=True)]
    found = take_in(*files, terms=FINDER, term_tests=term_tests)
    having = [en for rows in pairs for i, (en, _) in enumerate(rows) if i % 2]
    assert found.texts("train") == [en for rows in pairs for i, (en, _) in enumerate(rows) if not i % 2]
    assert found.texts("test_terms") == having[:term_tests]
    tested = [min(8, term_tests), min(4, max(0, term_tests - 8))]
    assert [tally.kept["test_terms"] for tally in found.tallies] == tested
    assert [tally.dropped[HELD_OUT_TERM] for tally in found.tallies] == [8 - tested[0], 4 - tested[1]]
    assert all(tally.read == tally.kept.total() + tally.dropped.total() for tally in found.tallies)


def test_the_segments_that_are_left_out_for_a_term_are_shown(take_in, tmp_path):
    path = write(tmp_path / "a.tsv", [("The bilge pump leaks", "Sie leckt"), ("It leaks", "Die Lenzpumpe leckt"), ("Bye", "Tschüss")])
    [tally] = take_in(source(path), terms=FINDER).tallies
    assert tally.examples == {HELD_OUT_TERM: ["The bilge pump leaks | Sie leckt", "It leaks | Die Lenzpumpe leckt"]}


def test_a_longer_term_that_holds_a_held_out_one_is_another(take_in, tmp_path):
    path = write(tmp_path / "a.tsv", [("The bilge pump seal leaks", "Die Lenzpumpendichtung leckt"), ("a bilge pump", "eine Pumpe")])
    assert take_in(source(path), terms=FINDER).texts() == ["The bilge pump seal leaks"]


@pytest.mark.parametrize("part", ["validation", "test"])
def test_what_a_user_holds_out_is_held_out_with_its_terms(take_in, tmp_path, part):
    found = take_in(source(write(tmp_path / "a.tsv", with_pumps(4)), part), terms=FINDER, term_tests=9)
    assert {name: len(some) for name, some in found.parts.items() if some} == {part: 4}


def test_what_repeats_a_held_out_text_is_no_test_of_a_term(take_in, tmp_path):
    path = write(tmp_path / "a.tsv", [(f"{LONG}, bilge pump", "Wann geht die Lenzpumpe ab?"), ("one bilge pump", "eine Lenzpumpe")])
    others = [Segment(id="1", pattern="p", texts={"en": f"{LONG}: bilge pump!"})]
    found = take_in(source(path), others=others, terms=FINDER, term_tests=1)
    assert found.texts("test_terms") == ["one bilge pump"]
    assert dict(found.tallies[0].dropped) == {HELD_OUT: 1}


# Finished chunks


def chunks(folder):
    """When each file of the one work folder was written, by name."""
    (work,) = folder.iterdir()
    return {path.name: path.stat().st_mtime_ns for path in work.iterdir()}


def test_a_second_run_cleans_only_the_chunks_that_are_not_finished(take_in, tmp_path, monkeypatch):
    monkeypatch.setattr("data.intake.CHUNK", 10)
    given = source(write(tmp_path / "a.tsv", [*words(35), ("", "x"), ("lonely",)]))
    settings = PLAIN.model_copy(update={"rejected_percent": 10.0})
    first = take_in(given, settings=settings)
    before = chunks(first.folder)
    assert sorted(before) == [f"0000{n}.{ending}" for n in range(4) for ending in ("json", "jsonl", "npy")]
    (work,) = first.folder.iterdir()
    (work / "00001.json").unlink()
    (work / "00001.npy").write_bytes(b"half")
    (work / "00003.json").unlink()
    second = take_in(given, settings=settings)
    after = chunks(second.folder)
    assert {name[:5] for name in after if after[name] != before.get(name)} == {"00001", "00003"}
    assert second.parts == first.parts
    assert second.tallies == first.tallies
    assert len(read_jsonl(second.rejects / "1.jsonl", Reject)) == 1


def test_other_data_settings_or_languages_have_a_work_folder_of_their_own(tmp_path):
    path = write(tmp_path / "a.tsv", words(3))
    names = {
        work_folder(tmp_path, source(path), PLAIN, LANGUAGES),
        work_folder(tmp_path, source(path, "test"), PLAIN, LANGUAGES),
        work_folder(tmp_path, source(path), cleaning(urls=False), LANGUAGES),
        work_folder(tmp_path, source(path), PLAIN, ("en", "zh")),
    }
    assert work_folder(tmp_path, source(path), PLAIN, LANGUAGES) in names
    write(path, words(4))
    names.add(work_folder(tmp_path, source(path), PLAIN, LANGUAGES))
    assert len(names) == 5
    assert {name.parent for name in names} == {tmp_path}


# The real command in small chunks; "stuck" stops it for good in the middle, so that the parent can kill it there.
COMMAND = """
import runpy, sys, time
import data.intake
data.intake.CHUNK = 50
read = data.intake.read_segments
def stuck(*arguments):
    for number, item in enumerate(read(*arguments)):
        if number == 420:
            time.sleep(60)
        yield item
if sys.argv.pop() == "stuck":
    data.intake.read_segments = stuck
runpy.run_module("data.prepare_translation", run_name="__main__")
"""


def workplace(folder):
    """A folder with 1,000 segments of a user and parameters that name them."""
    folder.mkdir()
    write(folder / "big.tsv", [*words(990), *words(10)])
    params = yaml.safe_load(PARAMS_FILE.read_text(encoding="utf-8"))
    given = source("big.tsv", "split").model_dump()
    sizes = {"validation_segments": 6, "test_segments": 10}
    params["prepare_translation"] |= {
        "shipped": False,
        "languages": list(LANGUAGES),
        "sources": [given],
        "intake": PLAIN.model_dump(),
        **sizes,
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return folder


def start(folder, how):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "QUAYSIDE_PARAMS": str(folder / "params.yaml")}
    command = [sys.executable, "-c", COMMAND, how]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finished(work, number, process):
    """Wait until so many chunks of the process are finished."""
    while len(list(work.glob("*/*.json"))) < number:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)


def test_a_run_that_was_killed_goes_on_behind_its_finished_chunks(tmp_path):
    whole, killed = workplace(tmp_path / "whole"), workplace(tmp_path / "killed")
    out = Path("data/prepared/translation")
    with start(whole, "free") as alone, start(killed, "stuck") as process:
        finished(killed / "data/work", 3, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
        assert alone.communicate(timeout=60)[1] == ""
    before = chunks(killed / "data/work")
    assert not (killed / out).exists()  # nothing half done looks done
    assert 3 <= sum(name.endswith(".json") for name in before) < 20
    with start(killed, "free") as process:
        said, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (0, "")
    assert "train 974, validation 6, test 10" in said
    after = chunks(killed / "data/work")
    assert sum(name.endswith(".json") for name in after) == 20
    kept = [name for name in before if f"{name[:5]}.json" in before]
    assert [after[name] for name in kept] == [before[name] for name in kept]
    assert tree_sha256(killed / out) == tree_sha256(whole / out)
    counts = json.loads((killed / out / "counts.json").read_text())
    assert counts["sources"]["big.tsv"]["dropped"] == {DUPLICATES: 10}

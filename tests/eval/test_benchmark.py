"""Benchmarks on public data: what is measured, what is refused, and what stands beside it, on stand-ins for the data."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from configs.profile import PROFILES
from configs.schema import load_params
from data.corpus import Sources, prepare
from data.public_sets.preparing import prepare as prepare_public
from data.public_sets.reading import chat
from data.public_sets.registry import SETS, PublicSet
from data.records import Segment, read_jsonl, tree_sha256, write_json, write_jsonl
from eval import benchmark
from eval.benchmark import BENCHMARKS, HEADINGS, Benchmark, Published, find_benchmark, measure, read_test_part, trainings
from eval.metrics.text import bleu, chrf
from eval.quality_translation import translate_all
from serving.bundle import load_translator

SOURCE = "toy/test.jsonl"
TOY = Benchmark(
    what="toys",
    test=SOURCE,
    segments=6,
    pairs=(("en", "de"), ("de", "en")),
    as_written=False,
    published=(
        Published("en-de", "Large", {"bleu_lowercase": 41.0, "chrf": 66.24}, "A 2021", "on other toys"),
        Published("de-en", "Large", {"chrf": 65.0}, "A 2021", "on other toys"),
    ),
)


def segment(name: str, **texts: str) -> Segment:
    return Segment(id=name, pattern="p", texts=texts)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    monkeypatch.setitem(BENCHMARKS, "toy", TOY)
    return TOY


def prepared_data(folder: Path, segments: list[Segment], kept: int, source: str = SOURCE) -> Path:
    write_jsonl(folder / "test.jsonl", segments)
    write_json(folder / "counts.json", {"sources": {source: {"kept": {"test": kept}}}})
    return folder


@pytest.fixture
def measured_on(world: Any, tmp_path: Path) -> Path:
    """The small models' test part as the toys' prepared data: other data than they were trained on."""
    folder = tmp_path / "prepared"
    shutil.copytree(world.translation, folder)
    return prepared_data(folder, read_jsonl(world.translation / "test.jsonl", Segment), 6)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("multi-30k", "benchmark 'multi-30k' is not known; did you mean multi30k?"),
        ("squad", "benchmark 'squad' is not known; valid: multi30k, chat-en-de"),
    ],
)
def test_an_unknown_benchmark_gets_the_valid_names(name: str, message: str) -> None:
    with pytest.raises(ValueError, match="is not known") as raised:
        find_benchmark(name)
    assert str(raised.value) == message


def test_every_benchmark_is_measured_on_its_profiles_test_part() -> None:
    assert len(BENCHMARKS) == 2
    for name, found in BENCHMARKS.items():
        settings = load_params(PROFILES / f"{name}.yaml").prepare_translation
        assert [source.path for source in settings.sources if source.part == "test"] == [found.test]
        assert settings.sources[0].path == found.test, "of what stands in two parts the first source keeps it"
        assert not settings.shipped
        assert {language for pair in found.pairs for language in pair} == set(settings.languages)
        assert all(source.path.split("/")[:2] == ["data", "public"] and source.path.split("/")[2] in SETS for source in settings.sources)


def test_published_numbers_are_of_pairs_and_metrics_that_are_measured() -> None:
    published = [(found, other) for found in BENCHMARKS.values() for other in found.published]
    assert [(other.pair, dict(other.scores)) for _, other in published] == [
        ("en-de", {"bleu_lowercase": 41.0}),
        ("en-de", {"chrf": 66.24}),
        ("de-en", {"chrf": 65.92}),
    ]
    for found, other in published:
        assert other.pair in {"-".join(pair) for pair in found.pairs}
        assert set(other.scores) <= set(HEADINGS)
        assert "https://" in other.source
        assert other.differs


def test_a_message_tests_the_direction_in_which_it_was_written() -> None:
    segments = [segment("1", en="Hi", de="Hallo"), segment("2", de="Ja", en="Yes"), segment("3", en="No", zh="不")]
    written = replace(TOY, as_written=True)
    for pair, expected in ((("en", "de"), ["1"]), (("de", "en"), ["2"]), (("en", "zh"), ["3"]), (("zh", "en"), [])):
        assert [s.id for s in written.of_pair(segments, pair)] == expected
    assert [s.id for s in TOY.of_pair(segments, ("en", "de"))] == ["1", "2"]


def test_preparation_keeps_the_language_that_a_message_was_written_in_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def threads(workers: int, mp_context: Any = None, initializer: Any = None, initargs: Any = ()) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(workers, initializer=initializer, initargs=initargs)

    monkeypatch.setattr("data.intake.ProcessPoolExecutor", threads)
    header = "source_language,target_language,source,reference,doc_id,client_id,sender\n"
    rows = "de,en,Hallo du,Hello you,d,c,customer\nen,de,Good day,Guten Tag,d,c,agent\nde,en,Bis dann,See you,d,c,customer\n"
    (tmp_path / "chat.csv").write_text(header + rows, encoding="utf-8")
    public = PublicSet("toy", "", "", "CC0", False, "o/r", "abc", (), {"test": (chat("chat.csv"),)})
    prepare_public(public, tmp_path, tmp_path / "public")
    settings = load_params(PROFILES / "chat-en-de.yaml").prepare_translation
    source = settings.sources[0].model_copy(update={"path": str(tmp_path / "public/test.jsonl")})
    prepare(Sources(work=tmp_path / "work"), settings.model_copy(update={"sources": [source]}), 7, tmp_path / "out")
    found = read_jsonl(tmp_path / "out/test.jsonl", Segment)
    assert [list(s.texts.items()) for s in found] == [
        [("de", "Hallo du"), ("en", "Hello you")],
        [("en", "Good day"), ("de", "Guten Tag")],
        [("de", "Bis dann"), ("en", "See you")],
    ]


@pytest.mark.parametrize(
    ("count", "kept", "source", "told"),
    [
        (5, 5, SOURCE, "5 test segments, 5 of them out of"),
        (6, 5, SOURCE, "6 test segments, 5 of them out of"),
        (6, 6, "other/test.jsonl", "6 test segments, 0 of them out of"),
    ],
    ids=["lines lost", "others beside", "another profile"],
)
def test_other_data_than_the_benchmarks_is_refused(toy: Benchmark, tmp_path: Path, count: int, kept: int, source: str, told: str) -> None:
    folder = prepared_data(tmp_path, [segment(str(i), en="a", de="b") for i in range(count)], kept, source)
    with pytest.raises(ValueError, match="test segments") as raised:
        read_test_part("toy", folder)
    assert str(raised.value) == (
        f"{tmp_path}: {told} toy/test.jsonl, but toy has 6; `python -m configs.profile toy`, then `dvc repro export_translation` make them"
    )


def test_the_benchmarks_own_data_is_read(toy: Benchmark, tmp_path: Path) -> None:
    segments = [segment(str(i), en="a", de="b") for i in range(6)]
    assert read_test_part("toy", prepared_data(tmp_path, segments, 6)) == segments


def test_bundles_say_what_they_were_trained_on(world: Any) -> None:
    found = trainings(world.bundles, tree_sha256(world.translation))
    assert sorted(found) == [("de", "en"), ("en", "de"), ("en", "es"), ("en", "zh"), ("es", "en"), ("zh", "en")]
    assert found["en", "de"] == {"bundle": "en-xx", "base": "from scratch", "profile": "demo", "own_data": True}
    assert found["de", "en"]["bundle"] == "xx-en"
    assert not any(said["own_data"] for said in trainings(world.bundles, "another hash").values())


def test_scores_are_those_of_the_translations_that_are_served(toy: Benchmark, world: Any, measured_on: Path) -> None:
    found = measure("toy", world.params, measured_on, world.bundles, beams=2)
    segments = read_jsonl(measured_on / "test.jsonl", Segment)
    assert list(found) == ["en-de", "de-en"]
    for name, measured in found.items():
        source, target = name.split("-")
        assert list(measured["scores"]) == ["int8", "fp32"]
        assert (measured["segments"], measured["own_data"]) == (6, False)
        for precision, scores in measured["scores"].items():
            translations = translate_all(load_translator(world.bundles, 1, precision, 2), segments, (source, target))
            references = [s.texts[target] for s in segments]
            assert scores["chrf"] == chrf(translations, references).score
            assert scores["bleu"] == bleu(translations, references, target).score
            assert scores["bleu_lowercase"] == bleu(translations, references, target, lowercase=True).score
            assert 0 <= scores["chrf_low"] <= scores["chrf"] <= scores["chrf_high"] <= 100
            assert "case:lc" in scores["bleu_lowercase_signature"]
            assert "case:mixed" in scores["bleu_signature"]


def test_a_direction_without_a_bundle_is_left_out_and_none_at_all_refused(
    toy: Benchmark, world: Any, measured_on: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(world.bundles / "xx-en", tmp_path / "bundles/xx-en")
    assert list(measure("toy", world.params, measured_on, tmp_path / "bundles", beams=1)) == ["de-en"]
    monkeypatch.setitem(BENCHMARKS, "toy", replace(TOY, pairs=(("en", "de"), ("en", "fr"))))
    with pytest.raises(ValueError, match=r"bundles: no bundle translates en-de or en-fr$"):
        measure("toy", world.params, measured_on, tmp_path / "bundles", beams=1)


@pytest.fixture
def command(toy: Benchmark, world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Runs the command in a folder of its own with the small models' parameters, and without MLflow."""
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(world.params.model_dump()), encoding="utf-8")
    monkeypatch.setenv("QUAYSIDE_PARAMS", str(tmp_path / "params.yaml"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(benchmark.main)

    def run(*arguments: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["benchmark.py", *arguments])
        return CliRunner().invoke(app, list(arguments))

    yield run
    assert sorted(os.listdir(tmp_path / "eval/results")) == ["toy.json"]


def test_the_command_writes_numbers_and_prints_them_beside_the_published_ones(command: Any, world: Any, measured_on: Path) -> None:
    said = command("toy", "--bundles", str(world.bundles), "--prepared", "prepared")
    assert said.exit_code == 0, said.output
    text = Path("eval/results/toy.json").read_text(encoding="utf-8")
    result = json.loads(text)
    assert set(result) == {"benchmark", "what", "profile", "command", "served", "beams", "pairs", "published", "signature"}
    assert (result["profile"], result["served"], result["beams"]) == ("demo", "int8", 4)
    assert result["command"] == f"python -m eval.benchmark toy --bundles {world.bundles} --prepared prepared"
    assert result["signature"]["data"] == tree_sha256(measured_on)
    assert sorted(result["signature"]["bundles"]) == ["en-xx", "intents", "xx-en"]
    assert [(other["pair"], other["scores"]) for other in result["published"]] == [(p.pair, dict(p.scores)) for p in TOY.published]
    texts = [found for s in read_jsonl(measured_on / "test.jsonl", Segment) for found in s.texts.values()]
    assert len(texts) == 24
    assert not [found for found in texts if found in text]
    header, *rows = said.stdout.splitlines()
    assert header.split() == ["pair", "system", "segments", "chrF2", "BLEU", "BLEU,", "lower", "case"]
    other = "trained on other data (demo)"
    assert [" ".join(row.split()).partition(" 6 ")[0] for row in rows[:6]] == [
        f"en-de ours, int8, as served, {other}",
        f"en-de ours, fp32, {other}",
        "en-de Large – 66.2 – 41.0",
        f"de-en ours, int8, as served, {other}",
        f"de-en ours, fp32, {other}",
        "de-en Large – 65.0 – –",
    ]
    scores = result["pairs"]["en-de"]["scores"]["fp32"]
    interval = f"({scores['chrf_low']:.1f} to {scores['chrf_high']:.1f})"
    assert " ".join(rows[1].split()).endswith(f" 6 {scores['chrf']:.1f} {interval} {scores['bleu']:.1f} {scores['bleu_lowercase']:.1f}")
    assert rows[6] == "Large: A 2021; on other toys"
    assert [row.partition(": nrefs:1|")[0] for row in rows[7:10]] == ["chrF2", "BLEU", "BLEU, lower case"]
    assert rows[10].startswith(f"signature: data {tree_sha256(measured_on)[:10]} | bundles en-xx ")
    assert rows[11].startswith("eval/results/toy.json: chrF2 as served en-de ")


def test_a_row_says_nothing_of_data_that_are_the_benchmarks_own() -> None:
    measured = {"own_data": True, "profile": "toy", "segments": 6}
    assert [benchmark._system(measured, precision, "int8") for precision in ("int8", "fp32")] == ["ours, int8, as served", "ours, fp32"]


def test_the_numbers_are_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recorded: dict[str, Any] = {}

    class Run:
        def __enter__(self) -> SimpleNamespace:
            return SimpleNamespace(
                dataset=lambda *found: recorded.update(dataset=found),
                metrics=lambda found: recorded.update(metrics=found),
                file=lambda path: recorded.update(file=path),
            )

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr("training.tracking.run", lambda name, **how: recorded.update(name=name, **how) or Run())
    scores = {"int8": {"chrf": 50.5, "chrf_signature": "nrefs:1"}}
    result = {"profile": "toys", "signature": {"data": "abc"}, "pairs": {"en-de": {"segments": 6, "scores": scores}}}
    benchmark.record("toy", result, tmp_path / "prepared", tmp_path / "toy.json")
    assert json.loads((tmp_path / "toy.json").read_text(encoding="utf-8")) == result
    assert recorded == {
        "name": "benchmark toy",
        "kind": "evaluate",
        "profile": "toys",
        "dataset": ("translation", tmp_path / "prepared", "abc"),
        "metrics": {"en-de.int8.chrf": 50.5},
        "file": tmp_path / "toy.json",
    }

"""Two sets of bundles beside each other: what is scored, what is timed, what is refused, what is said."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from data.records import Segment, file_sha256, read_jsonl, tree_sha256
from eval import distillation
from eval.distillation import common_parts, compare_quality, described, race, speed_of
from eval.metrics.text import chrf
from eval.quality_translation import translate_all
from eval.signature import signature
from serving.bundle import load_translator

PAIRS = ["de-en", "en-de", "en-es", "en-zh", "es-en", "zh-en"]
SEGMENTS = [
    Segment(id=str(i), pattern="p", texts={"en": f"good {word}", "de": f"guter {word}"}) for i, word in enumerate(["Tag", "Abend", "Rat"])
]


class Stub:
    """Answers by a function of the text, after a while."""

    def __init__(self, answer: Callable[[str], str], seconds: float = 0.0, seen: list[str] | None = None) -> None:
        self._answer, self._seconds, self._seen = answer, seconds, [] if seen is None else seen

    def translate(self, segments: Sequence[str], *, source: str, target: str) -> list[Any]:
        time.sleep(self._seconds * len(segments))
        assert (source, target) == ("en", "de")
        self._seen += segments
        return [SimpleNamespace(text=self._answer(text)) for text in segments]


def right(text: str) -> str:
    return text.replace("good", "guter")


def test_the_difference_is_the_student_s_score_minus_the_teacher_s() -> None:
    found = compare_quality([Stub(right), Stub(str.upper)], SEGMENTS, ("en", "de"), resamples=50)
    references = [segment.texts["de"] for segment in SEGMENTS]
    assert found["teacher_chrf"] == 100.0
    assert found["student_chrf"] == chrf([segment.texts["en"].upper() for segment in SEGMENTS], references).score
    assert found["difference"] == found["student_chrf"] - 100.0
    assert found["difference_low"] <= found["difference"] <= found["difference_high"] < 0
    assert found["segments"] == 3
    assert "nc:6|nw:0" in found["chrf_signature"]


def test_both_sides_translate_the_same_segments_one_at_a_time_and_in_turn() -> None:
    order: list[str] = []
    teacher, student = Stub(lambda t: order.append("t") or t, 0.004), Stub(lambda t: order.append("s") or t, 0.001)
    rounds = race([teacher, student], SEGMENTS, ("en", "de"), rounds=2)
    assert [len(turns) for turns in rounds] == [3, 3]
    assert all(theirs >= 4 and ours >= 1 for turns in rounds for theirs, ours in turns)  # ms
    assert order[:2] == ["t", "s"]  # untimed
    pairs = ["".join(order[i : i + 2]) for i in range(2, len(order), 2)]
    assert sorted(pairs) == ["st"] * 3 + ["ts"] * 3
    assert speed_of(rounds)["ratio"] > 1.5


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    rounds = [[(4.0, 2.0), (8.0, 2.0)], [(9.0, 3.0), (9.0, 1.5)], [(2.0, 1.0), (2.0, 1.0)]]
    assert speed_of(rounds) == {
        "segments": 2,
        "rounds": 3,
        "teacher_ms": 6.0,
        "student_ms": 1.75,
        "ratio": 3.0,
        "ratio_min": 2.0,
        "ratio_max": 4.0,
    }


def test_a_pair_that_one_side_lacks_is_left_out_and_none_at_all_refused(world: Any, tmp_path: Path) -> None:
    into, out_of = tmp_path / "into", tmp_path / "out_of"
    shutil.copytree(world.bundles / "xx-en", into / "xx-en")
    shutil.copytree(world.bundles / "en-xx", out_of / "en-xx")
    found = common_parts({"teacher": into, "student": world.bundles}, world.translation)
    assert sorted(found) == [("de", "en"), ("es", "en"), ("zh", "en")]
    assert {part: len(segments) for part, segments in found["de", "en"].items()} == {
        "seen": len(read_jsonl(world.translation / "test.jsonl", Segment)),
        "held_out": len(read_jsonl(world.translation / "test_held_out.jsonl", Segment)),
    }
    with pytest.raises(ValueError, match=r"no test segment of a pair that the bundles of .*into and .*out_of both translate directly$"):
        common_parts({"teacher": into, "student": out_of}, world.translation)


def test_a_side_says_what_it_was_trained_on_and_how_large_it_is(world: Any) -> None:
    found = described(world.bundles, tree_sha256(world.translation))
    assert sorted(found["bundles"]) == ["en-xx", "xx-en"]
    served = found["bundles"]["en-xx"]
    size = sum((world.bundles / "en-xx/int8" / name).stat().st_size for name in ("encoder.onnx", "decoder_step.onnx"))
    assert served["graphs_mb"] == size / 2**20
    assert found["graphs_mb"] == served["graphs_mb"] + found["bundles"]["xx-en"]["graphs_mb"]
    assert (served["precision"], served["profile"], served["own_data"]) == ("int8", "demo", True)
    assert not described(world.bundles, "other data")["bundles"]["en-xx"]["own_data"]


@pytest.fixture
def run(world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command in a folder of its own with the small models' parameters, and without MLflow."""
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(world.params.model_dump()), encoding="utf-8")
    monkeypatch.setenv("QUAYSIDE_PARAMS", str(tmp_path / "params.yaml"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(distillation.main)

    def call(*arguments: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["distillation.py", *arguments])
        return CliRunner().invoke(app, list(arguments))

    return call


def test_bundles_beside_themselves_differ_in_nothing(run: Any, world: Any) -> None:
    shutil.copytree(world.bundles, "teachers")
    shutil.copytree(world.translation, "prepared")
    held_out = Path("prepared/test_held_out.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    Path("prepared/test_held_out.jsonl").write_text("".join(held_out[:4]), encoding="utf-8")
    arguments = ["--teacher", "teachers", "--student", str(world.bundles), "--prepared", "prepared", "--segments", "3", "--rounds", "3"]
    said = run(*arguments)
    assert said.exit_code == 0, said.output
    assert os.listdir("eval/results") == ["distillation.json"]
    result = json.loads(Path("eval/results/distillation.json").read_text(encoding="utf-8"))
    assert result["command"] == f"python -m eval.distillation {' '.join(arguments)}"
    assert (result["profile"], result["beams"], result["threads"]) == ("demo", 4, 1)
    assert list(result["quality"]) == PAIRS
    for parts in result["quality"].values():
        assert list(parts) == ["seen", "held_out"]
        for found in parts.values():
            assert found["teacher_chrf"] == found["student_chrf"] > 0
            assert found["difference"] == found["difference_low"] == found["difference_high"] == 0.0
    assert list(result["speed"]) == ["all", *PAIRS]
    assert (result["speed"]["all"]["segments"], result["speed"]["en-de"]["segments"]) == (18, 3)
    assert 0.5 < result["speed"]["all"]["ratio"] < 2.0
    assert result["teacher"]["graphs_mb"] == result["student"]["graphs_mb"] > 0
    assert result["signature"]["data"] == tree_sha256(Path("prepared"))
    wanted = {
        f"{side}/{name}": file_sha256(world.bundles / name / "manifest.json")
        for side in ("teacher", "student")
        for name in ("en-xx", "xx-en")
    }
    assert result["signature"]["bundles"] == wanted
    segments = read_jsonl(world.translation / "test.jsonl", Segment)
    written = translate_all(load_translator(world.bundles, 1, beams=4), segments, ("de", "en"))
    assert result["quality"]["de-en"]["seen"]["student_chrf"] == chrf(written, [s.texts["en"] for s in segments]).score
    lines = [" ".join(line.split()) for line in said.stdout.splitlines()]
    assert lines[0] == "pair patterns segments teacher, chrF2 student, chrF2 difference (95 %)"
    score = result["quality"]["de-en"]["seen"]["student_chrf"]
    assert lines[1] == f"de-en seen {len(segments)} {score:.1f} {score:.1f} +0.0 (+0.0 to +0.0)"
    assert lines[13] == "pair segments teacher, ms student, ms times as fast (rounds)"
    assert lines[14].startswith("all 18 ")
    assert lines[21].startswith("teacher en-xx: int8 graphs of ")
    assert lines[21].endswith(" MB, profile demo, trained on other data than is tested on, which may hold some of it")
    assert lines[-1].startswith("eval/results/distillation.json: the student is ")


def test_other_data_than_the_training_s_is_marked(world: Any, capsys: pytest.CaptureFixture[str]) -> None:
    side = described(world.bundles, "other data")
    quality = compare_quality([Stub(right), Stub(right)], SEGMENTS, ("en", "de"), resamples=5)
    result = {"teacher": side, "student": side, "quality": {"en-de": {"seen": quality}}, "speed": {"all": speed_of([[(2.0, 1.0)]])}}
    distillation.show({**result, "signature": signature(world.translation, world.bundles)})
    said = capsys.readouterr().out
    assert said.count("profile demo, trained on other data than is tested on, which may hold some of it\n") == 4


def test_missing_bundles_are_one_sentence(run: Any, world: Any) -> None:
    said = run("--prepared", str(world.translation))
    assert said.exit_code == 1
    assert said.output == "error: training/teachers-bundles: no such folder of bundles; train and export first (`dvc repro`)\n"
    assert not Path("eval").exists()

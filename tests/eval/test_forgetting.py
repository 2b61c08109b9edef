"""Base and tuned model side by side, on look-alikes: what the base says is what transformers says, and a loss has the right sign."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from configs.schema import ROOT, EvaluateTranslation, Params
from data.records import RecordError, Segment, file_sha256, read_jsonl, write_json, write_jsonl
from eval.forgetting import Base, Tuned, find_base, forgetting, in_domain, on_general, read_general, spread, tuned_models, weights_sha256
from eval.gates import judge, load_gates
from eval.metrics.text import chrf
from eval.peers.transformers import MarianPeer
from eval.quality_translation import evaluate
from serving.bundle import load_translator, verify_bundles
from training import export, marian
from training.bases import find

NAME, SHORT = "Helsinki-NLP/opus-mt-en-de-small", "Helsinki-NLP/opus-mt-en-de-short"
MACHINE = "x86_64-2c-avx2"
SETTINGS = EvaluateTranslation(
    batch_size=4, resamples=20, parity_segments=6, parity_beams=4, noise_segments=2, general="nowhere/general.jsonl", general_segments=3
)
GENERAL_GATES = [f"chrF {pair}, general text, lost by tuning" for pair in ("zh-en", "de-en", "es-en", "en-zh", "en-de", "en-es")]


def segments(**texts: list[str]) -> list[Segment]:
    """Parallel texts by language."""
    rows = zip(*texts.values(), strict=True)
    return [Segment(id=str(i), pattern="news", texts=dict(zip(texts, row, strict=True))) for i, row in enumerate(rows)]


NEWS = ["The minister spoke on Monday.", "Rain is expected in the north.", "The match ended in a draw.", "Prices rose again."]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads starve on a busy machine."""
    for module in ("eval.forgetting", "eval.parity"):
        monkeypatch.setattr(f"{module}.MarianPeer", lambda checkpoint, threads: MarianPeer(checkpoint, 1))


def test_general_text_is_spread_evenly_over_the_segments_of_a_pair() -> None:
    both = segments(en=[str(i) for i in range(10)], de=[str(i) for i in range(10)])
    other = segments(en=["a"], zh=["b"])
    assert [s.texts["de"] for s in spread([*other, *both], ("en", "de"), 4)] == ["0", "2", "5", "7"]
    assert spread(both, ("de", "en"), 10) == spread(both, ("de", "en"), 11) == both
    assert spread(other, ("en", "de"), 4) == []


def test_general_text_that_is_not_there_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "test.jsonl"
    assert read_general(str(path)) == []
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith(f"evaluate_translation.general: {path} is not there, so what tuning lost on general text is not measured")
    write_jsonl(path, segments(en=["a"], de=["b"]))
    assert read_general(str(path)) == segments(en=["a"], de=["b"])
    assert read_general(None) == []
    assert capsys.readouterr().err == ""
    path.write_text('{"id": 1}\n')
    with pytest.raises(RecordError, match=r"test\.jsonl:1: "):
        read_general(str(path))


@pytest.mark.parametrize("like", ["opus-small", "opus-bin", "opus-separate"])
def test_weights_have_the_hash_that_training_took(like: str, hub: Any) -> None:
    assert weights_sha256(hub.plain(like)) == find(str(hub.plain(like)), "translation").sha256


def test_so_have_weights_in_several_files(hub: Any, tmp_path: Path) -> None:
    weights = (hub.plain("opus-small") / "model.safetensors").read_bytes()
    index = {"metadata": {}, "weight_map": {"a": "model-00002-of-00002.safetensors", "b": "model-00001-of-00002.safetensors"}}
    files = {"model.safetensors.index.json": index, **{shard: weights[:i] for i, shard in enumerate(index["weight_map"].values(), 5)}}
    folder = hub.copy(tmp_path / "shards", "opus-small", without=["model.safetensors"], files=files)
    assert weights_sha256(folder) == find(str(folder), "translation").sha256
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ValueError, match=r"shards: model-00002-of-00002\.safetensors of the weights in .*index\.json missing$"):
        weights_sha256(folder)
    (folder / "model.safetensors.index.json").unlink()
    with pytest.raises(ValueError, match=r"shards: no weights; valid: model\.safetensors, "):
        weights_sha256(folder)


def test_a_base_is_found_in_the_hub_s_cache_or_its_folder(hub: Any, tmp_path: Path) -> None:
    snapshot = hub.add(NAME, "opus-small")
    said = {"name": NAME, "revision": snapshot.name, "sha256": file_sha256(snapshot / "model.safetensors")}
    assert find_base(said, "en-xx") == snapshot
    folder = hub.copy(tmp_path / "base", "opus-small")
    assert find_base({**said, "name": str(folder), "revision": None}, "en-xx") == folder


def test_a_base_that_is_gone_or_another_one_is_refused_in_a_sentence(hub: Any, tmp_path: Path) -> None:
    snapshot = hub.add(NAME, "opus-small")
    said = {"name": NAME, "revision": "f" * 40, "sha256": "0" * 64}
    with pytest.raises(ValueError, match=rf"^bundle en-xx: its base '{NAME}', .* cache; `hf download {NAME} --revision f+` fetches it$"):
        find_base(said, "en-xx")
    with pytest.raises(ValueError, match=r"^bundle en-xx: its base '.*/gone', with which it is to be compared, is not there any more$"):
        find_base({**said, "name": str(tmp_path / "gone"), "revision": None}, "en-xx")
    with pytest.raises(ValueError, match=rf"^bundle en-xx: the weights in .* have SHA-256 [0-9a-f]+, those of its base '{NAME}' had 0+$"):
        find_base({**said, "revision": snapshot.name}, "en-xx")


@pytest.mark.parametrize(("like", "codes"), [("opus-small", {}), ("opus-separate", {}), ("opus-mul", {"de": ">>deu<<"})])
def test_a_base_says_what_transformers_says(like: str, codes: dict[str, str], hub: Any) -> None:
    """By transformers' own tokenizer, sentence by sentence, alone and in a batch."""
    import torch
    from transformers import MarianMTModel, MarianTokenizer

    folder = hub.plain(like)
    tokenizer = MarianTokenizer.from_pretrained(folder)
    model: Any = MarianMTModel.from_pretrained(folder, dtype=torch.float32).eval()

    def translated(sentence: str, beams: int) -> str:
        ids = tokenizer(f"{codes.get('de', '')} {sentence}".strip(), return_tensors="pt")
        (written,) = model.generate(**ids, num_beams=beams, do_sample=False, max_length=3 * ids.input_ids.shape[1] + 11)
        return str(tokenizer.decode(written, skip_special_tokens=True))

    for beams in (1, 3):
        base = Base(folder, codes, batch=1)
        answers = base.translate(["Is it late?  Yes, PO-4711 is.\n\nThanks a lot!", "Hello."], "de", beams)
        first, second, third = (translated(s, beams) for s in ("Is it late?", "Yes, PO-4711 is.", "Thanks a lot!"))
        assert answers == [f"{first}  {second}\n\n{third}", translated("Hello.", beams)]
        assert len(set(answers)) == 2


def test_a_sentence_that_a_base_cannot_read_whole_is_cut(hub: Any, tmp_path: Path) -> None:
    folder = hub.copy(tmp_path / "short", "opus-small", config={"max_position_embeddings": 20})
    (answer,) = Base(folder, {}, batch=4).translate(["pump " * 40], "de", 1)
    assert answer


def fixed_base(answers: dict[str, str]) -> Any:
    """A base with an answer to every text."""
    return SimpleNamespace(translate=lambda texts, target, beams: [answers[text] for text in texts])


def fixed_service(answers: dict[str, str]) -> Any:
    """The service with an answer to every text."""
    return SimpleNamespace(translate=lambda texts, source, target: [SimpleNamespace(text=answers[text]) for text in texts])


def test_what_the_base_could_and_the_tuned_model_cannot_is_a_loss() -> None:
    german = ["Der Minister sprach am Montag.", "Im Norden wird Regen erwartet.", "Das Spiel endete unentschieden.", "Die Preise stiegen."]
    found = segments(en=NEWS, de=german)
    right, worse = dict(zip(NEWS, german, strict=True)), dict(zip(NEWS, ["Der Minister.", *german[1:]], strict=True))
    score = chrf(list(worse.values()), german).score
    lost = on_general(fixed_base(right), fixed_service(worse), ("en", "de"), found, SETTINGS, 1)
    assert (lost["chrf_general_base"], lost["chrf_general"]) == (pytest.approx(100), score)
    assert lost["general_drop"] == pytest.approx(100 - score)
    assert 0 < lost["general_drop"] < lost["general_drop_upper"] <= 100
    assert lost["segments_general"] == 4
    won = on_general(fixed_base(worse), fixed_service(right), ("en", "de"), found, SETTINGS, 1)
    assert won["general_drop"] == -lost["general_drop"]
    assert in_domain(fixed_base(worse), ("en", "de"), found, german, 1) == {
        "chrf_base": score,
        "chrf": pytest.approx(100),
        "segments": 4,
    }


def test_without_text_a_pair_has_an_entry_that_says_so(hub: Any) -> None:
    tuned = Tuned([("en", "de"), ("en", "zh")], hub.plain("opus-mul"), {"de": ">>deu<<", "zh": ">>cmn_Hans<<"})
    found = forgetting([tuned], fixed_service({}), {}, [], SETTINGS, 1)
    assert found == {"en-de": {"segments": 0, "segments_general": 0}, "en-zh": {"segments": 0, "segments_general": 0}}


@pytest.fixture(scope="module")
def tuned(hub: Any, world: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`en-xx` fine-tuned for German from a look-alike, and a little to test it on: parameters, folders, and the base's."""
    base, root = hub.add(SHORT, "opus-small", config={"max_position_embeddings": 64}), tmp_path_factory.mktemp("tuned")
    (root / "glossaries").mkdir()
    shutil.copy(ROOT / "data/glossaries/electronics.yaml", root / "glossaries")
    for part in ("train", "validation", "test", "test_held_out", "test_unseen", "test_terms"):
        found = read_jsonl(world.translation / f"{part}.jsonl", Segment)[:4]
        one_way = [segment.model_copy(update={"terms": [], "source_only": ["en"]}) for segment in found]
        write_jsonl(root / f"prepared/{part}.jsonl", one_way)
    values = world.params.model_dump()
    values["prepare_translation"]["languages"] = ["en", "de"]
    section = values["train_translation"]
    section["optimizer"] |= {"name": "adamw", "steps": 6, "evaluations": 1, "learning_rate": 1.0e-3, "warmup_steps": 2}
    section["guided_alignment"]["weight"] = 0.0
    section |= {"judged_segments": 4, "bases": {"en-xx": SHORT}}
    values["evaluate_translation"] = SETTINGS.model_dump() | {"parity_segments": 2}
    made = SimpleNamespace(params=Params.model_validate(values), root=root, base=base)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        marian.train("en-xx", made.params, root / "prepared", root / "models/en-xx")
        folders = (root / name for name in ("prepared", "glossaries", "models/en-xx", "bundles/en-xx"))
        write_json(root / "parity/en-xx.json", {"logits_max_abs": export.export_translation(made.params, *folders)})
    return made


def evaluated(tuned: Any, out: Path, general: Path) -> dict[str, Any]:
    """What the evaluation stage writes."""
    section = tuned.params.evaluate_translation.model_copy(update={"general": str(general)})
    params = tuned.params.model_copy(update={"evaluate_translation": section})
    folders = (tuned.root / name for name in ("prepared", "bundles", "models", "parity"))
    evaluate(params, *folders, out, beams=2)
    found: dict[str, Any] = json.loads((out / "translation.json").read_text(encoding="utf-8"))
    return found


def general_gates(report: dict[str, Any]) -> dict[str, tuple[bool | None, str]]:
    """The verdicts on general text."""
    found = {v.name: (v.ok, v.note) for v in judge(report, load_gates(), MACHINE) if "general" in v.name}
    assert list(found) == GENERAL_GATES
    return found


def test_the_report_compares_a_tuned_model_with_its_base(tuned: Any, mlflow_down: None, tmp_path: Path) -> None:
    right = Base(tuned.base, {}, 4).translate(NEWS, "de", 2)
    general = tmp_path / "general.jsonl"
    write_jsonl(general, segments(en=NEWS, de=right))
    report = evaluated(tuned, tmp_path, general)
    assert list(report["forgetting"]) == ["en-de"]
    found = report["forgetting"]["en-de"]
    tested = [s for s in read_jsonl(tuned.root / "prepared/test.jsonl", Segment) if s.translates("en", "de")]
    theirs, references = Base(tuned.base, {}, 4).translate([s.texts["en"] for s in tested], "de", 2), [s.texts["de"] for s in tested]
    assert found["chrf_base"] == chrf(theirs, references).score
    assert (found["chrf"], found["segments"]) == (report["translation"]["en-de"]["chrf"], len(tested))
    served = load_translator(tuned.root / "bundles", 1, None, 2)
    kept = [NEWS[0], NEWS[1], NEWS[2]]
    answers = [answer.text for answer in served.translate(kept, source="en", target="de")]
    assert found["chrf_general_base"] == pytest.approx(100)
    assert found["chrf_general"] == chrf(answers, right[:3]).score < 99
    assert found["general_drop"] == found["chrf_general_base"] - found["chrf_general"]
    assert (found["general_drop"] <= found["general_drop_upper"], found["segments_general"]) == (True, 3)
    verdicts = general_gates(report)
    assert verdicts.pop(GENERAL_GATES[4]) == (False, "")
    skipped = {f"chrF {pair}, general text, lost by tuning": pair for pair in ("zh-en", "de-en", "es-en", "en-zh", "en-es")}
    assert verdicts == {name: (None, f"skipped (the report has no forgetting.{pair})") for name, pair in skipped.items()}


def test_without_general_text_the_domain_is_compared_and_the_gate_says_why_it_is_skipped(
    tuned: Any, mlflow_down: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = evaluated(tuned, tmp_path, tmp_path / "general.jsonl")
    assert set(report["forgetting"]["en-de"]) == {"chrf_base", "chrf", "segments", "segments_general"}
    assert capsys.readouterr().err.count("general.jsonl is not there") == 1
    assert general_gates(report)[GENERAL_GATES[4]] == (None, "skipped (forgetting.en-de.segments_general is 0)")


def test_a_missing_number_breaks_the_gate_of_a_tuned_pair() -> None:
    assert general_gates({"forgetting": {"en-de": {"segments_general": 200}}})[GENERAL_GATES[4]][0] is False
    assert general_gates({"forgetting": {"en-de": {}}})[GENERAL_GATES[4]][0] is False
    assert {ok for ok, _ in general_gates({"translation": {}}).values()} == {False}, "nothing was measured"
    assert {ok for ok, _ in general_gates({"forgetting": {}}).values()} == {None}, "no model was fine-tuned"


def test_bundles_from_scratch_are_left_out(tuned: Any, world: Any) -> None:
    scratch, fine_tuned = (verify_bundles(folder, ["translation"]) for folder in (world.bundles, tuned.root / "bundles"))
    assert len(scratch) == 2
    assert tuned_models([*scratch, *fine_tuned]) == [Tuned([("en", "de")], tuned.base, {})]

"""Small models made in-process; no test needs a network or a model hub."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.schema import ROOT, Intents, Params, load_intents

NO_MLFLOW = "http://127.0.0.1:9"  # the discard port: nobody listens
GLOSSARIES = ROOT / "data/glossaries"
TRANSLATION_MODELS = ("en-xx", "xx-en")


@pytest.fixture(scope="session")
def tiny_marian() -> Callable[..., Any]:
    """Makes a MarianMT model with random weights; keyword arguments change its configuration."""
    import torch
    from transformers import GenerationConfig, MarianConfig, MarianMTModel

    def make(seed: int = 0, end_bias: float = 2.0, **changes: Any) -> Any:
        torch.manual_seed(seed)
        options: dict[str, Any] = {
            "vocab_size": 60,
            "d_model": 32,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 64,
            "decoder_ffn_dim": 64,
            "max_position_embeddings": 40,
            "activation_function": "swish",
            "scale_embedding": True,
            "pad_token_id": 59,
            "eos_token_id": 0,
            "decoder_start_token_id": 59,
            "forced_eos_token_id": 0,
            "init_std": 0.2,
        }
        model = MarianMTModel(MarianConfig(**options | changes)).eval()
        with torch.no_grad():
            model.final_logits_bias[0, 0] = end_bias  # about 2 makes sentences end at different steps, less at the limit
        model.generation_config = GenerationConfig(
            pad_token_id=59, eos_token_id=0, decoder_start_token_id=59, forced_eos_token_id=0, bad_words_ids=[[59]], max_length=40
        )
        return model

    return make


@pytest.fixture(scope="session")
def save_graphs() -> Callable[..., Path]:
    """Writes a model's graphs to a folder, int8 calibrated on random sources."""

    def save(model: Any, folder: Path, precision: str = "fp32") -> Path:
        import onnx
        import torch

        from training.onnx.calibration import activation_ranges
        from training.onnx.marian import MarianGraphs

        torch.manual_seed(1)
        ids = torch.randint(1, 59, (16, 12))
        batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "decoder_input_ids": ids}
        graphs = MarianGraphs(model, precision, activation_ranges(model, [batch]) if precision == "int8" else {})  # type: ignore[arg-type]
        folder.mkdir(parents=True, exist_ok=True)
        onnx.save(graphs.encoder(), folder / "encoder.onnx")
        onnx.save(graphs.decoder_step(), folder / "decoder_step.onnx")
        return folder

    return save


@dataclass(frozen=True)
class World:
    """Everything that the line makes, once and small: prepared data, checkpoints, bundles; tests change copies, never these."""

    params: Params
    intents: Intents
    root: Path
    warnings: dict[str, str]  # model -> what its training said on stderr; MLflow was down

    @property
    def translation(self) -> Path:
        return self.root / "prepared/translation"

    @property
    def messages(self) -> Path:
        return self.root / "prepared/intents"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def bundles(self) -> Path:
        return self.root / "bundles"

    @property
    def parity(self) -> Path:
        return self.root / "parity"


def small_params() -> Params:
    """The demo profile, made so small that a training takes a second."""
    values = yaml.safe_load((ROOT / "configs/profiles/demo.yaml").read_text(encoding="utf-8"))
    values["prepare_translation"] |= {"expansions_per_pattern": 12, "validation_segments": 12, "test_segments": 6, "term_test_segments": 6}
    values["prepare_intents"] |= {"test_per_intent": 2, "validation_per_intent": 2, "pattern_messages": 0}
    optimizer = {"steps": 60, "batch_size": 8, "learning_rate": 1.0e-2, "warmup_steps": 5, "evaluations": 2}
    size = {"heads": 4, "ffn": 64}
    marian, xlmr = values["train_translation"], values["train_intents"]
    marian["model"] |= {"vocabulary": 700, "d_model": 32, "encoder_layers": 2, "decoder_layers": 1, "max_pieces": 64, **size}
    xlmr["model"] |= {"vocabulary": 1600, "hidden": 32, "layers": 1, "max_pieces": 96, **size}
    for section in (marian, xlmr):
        section["optimizer"] |= optimizer
        section["threads"] = 1
    xlmr |= {"piece_dropout": 0.0}  # so few steps suffice for messages that are read whole only
    xlmr["optimizer"]["dropout"] = 0.0
    for name in ("export_translation", "export_intents"):
        values[name] |= {"calibration_segments": 32, "parity_segments": 32}
    values["evaluate_translation"] |= {"resamples": 20, "parity_segments": 6}
    values["evaluate_intents"] |= {"resamples": 20}
    return Params.model_validate(values)


def small_intents() -> Intents:
    """Four of the shipped intents; the other heads whole."""
    shipped = load_intents()
    chosen = ("price_quote", "logistics_tracking", "damage_or_shortage", "thanks")
    return shipped.model_copy(update={"intents": {name: shipped.intents[name] for name in chosen}})


def prepare_data(world: World) -> None:
    """Prepared parts from a few of the shipped patterns and messages, and the glossaries that training may know."""
    from data.checks import combination_key
    from data.corpus import Sources, load_unseen, split_segments, term_tests
    from data.glossary import load_glossaries
    from data.grammar import load_grammar, load_slots
    from data.records import OUT_OF_SCOPE, write_jsonl
    from data.unknown_terms import held_out_terms, slot_groups, write_training_terms
    from data.utterances import Parts, head_labels, load_utterances, split_utterances, write_parts

    corpora, settings, glossaries = ROOT / "data/corpora", world.params.prepare_translation, load_glossaries(GLOSSARIES)
    unknown = held_out_terms(slot_groups(load_slots(corpora), glossaries), glossaries, settings.held_out_terms_percent)
    write_training_terms(glossaries, unknown, world.translation / "glossaries")
    grammar = load_grammar(corpora, GLOSSARIES, held_out=unknown)
    varied = [p for p in grammar.patterns if p.intent and len(grammar.expansions(p, 12, 7)) == 12]
    grammar.patterns = varied[:: len(varied) // 8][:8]
    segments = split_segments(grammar, settings, world.params.seed, combination_key)
    segments["test_unseen"] = load_unseen(ROOT / "data/test_unseen")[:6]
    segments["test_terms"] = term_tests(Sources(corpora=corpora, glossaries=GLOSSARIES), settings, world.params.seed, unknown)
    for part, found in segments.items():
        write_jsonl(world.translation / f"{part}.jsonl", found)
    messages = [m for m in load_utterances(ROOT / "data/utterances", load_intents()) if m.intent in {*world.intents.intents, OUT_OF_SCOPE}]
    parts = split_utterances(messages, world.params.prepare_intents, world.params.seed)
    write_parts(Parts(parts, head_labels(world.intents)), world.messages)


def train_and_export(world: World) -> None:
    """All three models, with an MLflow that does not answer."""
    from data.records import write_json
    from training import export, marian, xlmr

    for name in (*TRANSLATION_MODELS, "intents"):
        checkpoint, bundle, said = world.models / name, world.bundles / name, io.StringIO()
        with redirect_stderr(said):
            if name == "intents":
                xlmr.train(world.params, world.messages, checkpoint)
                differences = export.export_intents(world.params, world.messages, checkpoint, bundle)
            else:
                marian.train(name, world.params, world.translation, checkpoint)
                differences = export.export_translation(world.params, world.translation, GLOSSARIES, checkpoint, bundle)
        write_json(world.parity / f"{name}.json", {"logits_max_abs": differences})
        world.warnings[name] = said.getvalue()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The whole line on little data and few steps, in a folder of its own."""
    made = World(small_params(), small_intents(), tmp_path_factory.mktemp("world"), {})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made.root)
        patch.setenv("MLFLOW_TRACKING_URI", NO_MLFLOW)
        prepare_data(made)
        train_and_export(made)
    return made


@pytest.fixture(scope="session")
def mlflow_store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URI of an MLflow store on SQLite; made once, since making its tables takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def mlflow_up(mlflow_store: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """MLflow on SQLite, for as long as a test runs; gives a client to look into it."""
    from mlflow import MlflowClient

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_store)
    return MlflowClient(mlflow_store)


@pytest.fixture
def mlflow_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An MLflow that nobody answers for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NO_MLFLOW)


pytest_plugins = ("tests.lookalikes",)  # checkpoints as the hub has them

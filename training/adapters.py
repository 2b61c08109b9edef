"""Low-rank adapters beside a base whose own weights stay as they are (LoRA).

    training/models/MODEL/adapter/            what `train_translation` learned: peft's files, beside the merged model
    training/adapters/MODEL/NAME/             adapters kept by name (an industry's, a customer's), each for the same base

    python -m training.adapters keep MODEL NAME     keep the adapter of the trained model by this name
    python -m training.adapters use MODEL NAME      make the trained model anew, from its base and a kept adapter; then export it
    python -m training.adapters list                which are kept, and for which base

A base is only ever read. The vocabulary's new pieces (markers, marks of terms) are learned with the adapter, row by row.

Source: Hu et al. 2021, https://arxiv.org/abs/2106.09685
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from configs.schema import Lora
from data.console import command
from data.records import file_sha256
from training.manifest import MANIFEST, read_manifest
from training.vocabulary import MARKS

MODELS = Path("training/models")
KEPT = Path("training/adapters")
ADAPTER = "adapter"
WEIGHTS = "adapter_model.safetensors"


def add_adapters(model: Any, settings: Lora, new_pieces: Sequence[int]) -> Any:
    """The model with an adapter beside each chosen layer; they and the embeddings of `new_pieces` alone are trained.

    Raises:
        ValueError: a layer that the model does not have; a base with separate vocabularies, of which peft learns no new target pieces.
    """
    from peft import LoraConfig, get_peft_model

    there = sorted({name.rpartition(".")[2] for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)})
    if missing := sorted(set(settings.layers) - set(there)):
        raise ValueError(f"lora.layers: the base has no layer {', '.join(missing)}; there are {', '.join(there)}")
    if not model.config.share_encoder_decoder_embeddings:
        raise ValueError("a base with separate source and target vocabularies cannot be tuned with adapters; set tuning: full")
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.layers),
        trainable_token_indices=list(new_pieces) or None,
    )
    return get_peft_model(model, config)


def save_adapter(model: Any, folder: Path) -> str:
    """Write the adapter to `folder`/adapter; returns the SHA-256 of its weights."""
    out = folder / ADAPTER
    shutil.rmtree(out, ignore_errors=True)
    model.save_pretrained(out, save_embedding_layers=False)  # the marks' rows are in the adapter, the others in the base
    (out / "README.md").unlink(missing_ok=True)  # peft's empty model card
    return file_sha256(out / WEIGHTS)


def keep(model: str, name: str, models: Path = MODELS, kept: Path = KEPT) -> Path:
    """Keep the adapter of a trained model by name, with the manifest that says which base it is for.

    Raises:
        ValueError: the model was not tuned with an adapter, or the name is no plain file name.
    """
    if not re.fullmatch(r"[\w-]+", name):
        raise ValueError(f"{name!r} is no name for an adapter: letters, digits, - and _ only")
    checkpoint, out = models / model, kept / model / name
    manifest = read_manifest(checkpoint)
    if not manifest.get("adapter"):
        raise ValueError(f"{checkpoint} was not tuned with an adapter; set train_translation.tuning: lora")
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(checkpoint / ADAPTER, out)
    shutil.copyfile(checkpoint / MANIFEST, out / MANIFEST)
    return out


def use(model: str, name: str, models: Path = MODELS, kept: Path = KEPT) -> Path:
    """Make the checkpoint of `model` anew, from the base and the adapter of that name.

    Raises:
        ValueError: there is no such adapter, its weights have changed, or the base is another one than it was learned on.
    """
    from peft import PeftModel
    from transformers import set_seed

    from training.bases import find, start_marian

    adapter, out = kept / model / name, models / model
    if not adapter.is_dir():
        there = ", ".join(sorted(path.name for path in (kept / model).glob("*"))) or "none"
        raise ValueError(f"{adapter}: no such adapter; kept for {model}: {there}")
    manifest = read_manifest(adapter)
    pairs = [(source, target) for source, target in manifest["pairs"]]
    base = find(manifest["base"]["name"], "translation", pairs)
    if base.sha256 != manifest["base"]["sha256"]:
        raise ValueError(f"{adapter}: learned on another {base.name} than is there now; its weights differ")
    if file_sha256(adapter / WEIGHTS) != manifest["adapter"]:
        raise ValueError(f"{adapter / WEIGHTS} has changed since it was learned")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    set_seed(manifest["parameters"]["seed"])  # of the new pieces' rows, as in the training
    tuned = PeftModel.from_pretrained(start_marian(base, out, MARKS), adapter).merge_and_unload()
    tuned.save_pretrained(out)
    shutil.copytree(adapter, out / ADAPTER, ignore=shutil.ignore_patterns(MANIFEST))
    shutil.copyfile(adapter / MANIFEST, out / MANIFEST)
    return out


def kept_adapters(kept: Path = KEPT) -> list[dict[str, Any]]:
    """What is kept: model, name, base, industries."""
    return [
        {
            "model": path.parent.name,
            "name": path.name,
            "base": manifest["base"]["name"],
            "industries": ", ".join(manifest["parameters"]["industries"]) or "all",
        }
        for path in sorted(kept.glob("*/*"))
        for manifest in [read_manifest(path)]
    ]


Model = Annotated[str, typer.Argument(help="en-xx or xx-en")]
Name = Annotated[str, typer.Argument(help="of the adapter, for example an industry")]
app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.command("keep")
@command
def keep_command(model: Model, name: Name) -> str:
    """Keep the adapter of the trained model by a name."""
    return f"{keep(model, name)}: kept"


@app.command("use")
@command
def use_command(model: Model, name: Name) -> str:
    """Make the trained model anew from its base and a kept adapter."""
    return f"{use(model, name)}: base and adapter {name} merged; export it with `python -m training.export_translation {model}`"


@app.command("list")
@command
def list_command() -> str:
    """Show which adapters are kept, and for which base."""
    found = kept_adapters()
    for row in found:
        typer.echo("  ".join(row.values()))
    return f"{len(found)} adapters in {KEPT}"


if __name__ == "__main__":
    app()

"""The parameters' schema, and the one way to read a YAML settings file.

`load_params()` reads `configs/params.yaml`, one section per stage. Every mistake in a file is reported at once, with file, key,
value and the nearest valid name. Nothing here has a default: what changes a result stands in the file.

Not covered: gates (`eval/gate.py` and `configs/gates.yaml`) and the service's settings (`serving/settings.py`), which are read through
`read_settings` with schemas of their own.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

ROOT = Path(__file__).resolve().parents[1]
PARAMS_FILE = ROOT / "configs" / "params.yaml"
INTENTS_FILE = ROOT / "configs" / "intents.yaml"

Positive = Annotated[int, Field(gt=0)]
Percent = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, lt=1)]
LearningRate = Annotated[float, Field(gt=0, lt=1)]


class SettingsError(ValueError):
    """A settings file that cannot be used; the message lists every mistake, one a line."""


class Section(BaseModel):
    """A part of a settings file: unknown keys are mistakes, values are never converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Source(Section):
    """A data set brought by a user: a file, a folder of files, or what Moses files share (`corpus` of `corpus.en` and `corpus.de`).

    Attributes:
        path: where it lies.
        format: `null`: by the ending of the file's name.
        encoding: `null`: detected.
        columns: what is wanted -> the column's name, or its number from 1. `{}`: the header's names say it.
        part: what it becomes; `split` takes the held-out parts out of it.
    """

    path: str
    format: Literal["tsv", "csv", "jsonl", "moses", "tmx", "parquet", "xlsx"] | None
    encoding: str | None
    columns: dict[str, str | int]
    part: Literal["split", "train", "validation", "test"]


class SegmentSource(Source):
    """Parallel text: `columns` is language -> column.

    Attributes:
        languages: for rows of mixed languages, column of a text -> column that names its language; `{}` elsewhere.
    """

    languages: dict[str, str]


class MessageSource(Source):
    """Labelled messages: `columns` names those of text, intent, sentiment, urgency and language.

    Attributes:
        language: of every message; `null` where a column says it.
    """

    language: str | None


class LengthFilter(Section):
    """Texts too short or too long, in characters."""

    enabled: bool
    shortest: Positive
    longest: Positive


class RatioFilter(Section):
    """Texts of one segment whose lengths differ too much, in characters after the languages' usual lengths are evened out."""

    enabled: bool
    most: Annotated[float, Field(ge=1)]


class LanguageFilter(Section):
    """Texts in another language than they say; shorter ones cannot be told and pass."""

    enabled: bool
    least_confidence: Annotated[float, Field(ge=0, le=1)]
    shortest: Positive


class ScriptFilter(Section):
    """Texts of which too few letters are in their language's script."""

    enabled: bool
    least_percent: Percent


class Cleaning(Section):
    """The filters that users' data passes, in this order; `data/cleaning.py` says what each drops."""

    empty: bool
    length: LengthFilter
    script: ScriptFilter
    markup: bool
    copies: bool
    length_ratio: RatioFilter
    numbers: bool
    urls: bool
    language: LanguageFilter
    duplicates: bool
    duplicate_sides: bool


class Intake(Section):
    """How users' data comes in."""

    processes: Positive
    rejected_percent: Percent
    near_duplicate_percent: Percent
    cleaning: Cleaning


class PrepareTranslation(Section):
    """How patterns, phrases and users' parallel text become segments."""

    languages: list[str]
    shipped: bool
    expansions_per_pattern: Positive
    terms_per_slot: Positive | None
    held_out_terms_percent: Percent
    term_test_segments: Annotated[int, Field(ge=0)]
    phrase_repeats: Annotated[int, Field(ge=0)]
    message_repeats: Annotated[int, Field(ge=0)]
    informal_percent: Percent
    validation_segments: Positive
    test_segments: Positive
    held_out_patterns_percent: Percent
    expansions_per_held_out_pattern: Positive
    sources: list[SegmentSource]
    intake: Intake


class PrepareIntents(Section):
    """How the shipped and the users' messages are split."""

    shipped: bool
    validation_per_intent: Positive
    test_per_intent: Positive
    out_of_scope_test: Positive
    pattern_messages: Annotated[int, Field(ge=0)]
    translations: bool
    sources: list[MessageSource]
    intake: Intake


class MarianShape(Section):
    """The size of a Marian model trained from scratch."""

    vocabulary: Positive
    d_model: Positive
    heads: Positive
    ffn: Positive
    encoder_layers: Positive
    decoder_layers: Positive
    max_pieces: Positive


class XlmrShape(Section):
    """The size of an XLM-R encoder trained from scratch."""

    vocabulary: Positive
    hidden: Positive
    heads: Positive
    ffn: Positive
    layers: Positive
    max_pieces: Positive


class Optimizer(Section):
    """What the trainer does with the gradients."""

    name: Literal["adamw", "muon"]
    steps: Positive
    batch_size: Positive
    learning_rate: LearningRate
    warmup_steps: Annotated[int, Field(ge=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    label_smoothing: Share
    dropout: Share
    evaluations: Positive


class Running(Section):
    """How a training runs: what it costs, when it stops, what it leaves behind. Only `precision` and `patience` change a result.

    Attributes:
        precision: that the layers compute in; weights and optimizer stay fp32.
        compile: `torch.compile` the model.
        parts: that a batch is computed in, one after another (gradient accumulation).
        workers: processes that make samples ahead of the training; 0: it makes them itself, between two steps.
        patience: evaluations without a better score after which training stops; `null`: never.
        checkpoint_steps: steps between checkpoints; an evaluation makes one, too.
        checkpoints: newest ones kept; the best is kept beside them.
    """

    precision: Literal["fp32", "bf16"]
    compile: bool
    parts: Positive
    workers: Annotated[int, Field(ge=0)]
    patience: Positive | None
    checkpoint_steps: Positive
    checkpoints: Annotated[int, Field(ge=2)]


class Lora(Section):
    """Low-rank adapters.

    Attributes:
        rank: of the two factors of an update.
        alpha: the update is scaled by alpha / rank.
        dropout: share of an adapter's inputs.
        layers: the linear layers that get one, by the last part of their names.
    """

    rank: Positive
    alpha: Positive
    dropout: Share
    layers: list[str]


class Distillation(Section):
    """Whose translations a student is trained on.

    Attributes:
        teachers: model -> folder of its teacher's checkpoint; `{}`: none.
        beams: width of the teacher's search.
        references: whether the human translations are trained on beside the teacher's.
    """

    teachers: dict[str, str]
    beams: Positive
    references: bool


class Augmentation(Section):
    """Share of the training texts that get each kind of noise on the source side; `data/augment.py` says what each does."""

    case: Share
    punctuation: Share
    typos: Share
    noise: Share
    emoji: Share

    @model_validator(mode="after")
    def at_most_one_kind(self) -> Augmentation:
        """A text gets one kind of noise at most."""
        if sum(self.model_dump().values()) > 1 + 1e-9:  # 0.1 + 0.2 + 0.7 is a little more than 1
            raise ValueError("the shares add up to more than 1")
        return self


class GuidedAlignment(Section):
    """How word alignments found in the training pairs guide the decoder's attention; `training/alignment.py`."""

    weight: Annotated[float, Field(ge=0)]
    heads: Positive
    iterations: Positive
    tension: Annotated[float, Field(ge=0)]
    pairs: Positive


class TermTraining(Section):
    """How many training sentences get their terms annotated.

    Attributes:
        sentences: share of them.
        terms: of such a sentence that are annotated.
        invented: share of those terms that are replaced in the source by a word that does not exist.
    """

    sentences: Share
    terms: Annotated[float, Field(gt=0, le=1)]
    invented: Share


class TrainTranslation(Section):
    """Both translation models, `en-xx` and `xx-en`.

    Attributes:
        bases: model -> hub id or folder of the Marian checkpoint that it is fine-tuned from; a model that is not named starts from scratch.
        tuning: of a base: all weights, or adapters beside them.
        industries: whose segments alone are trained on; `[]`: all segments.
        judged_segments: validation sentences that are translated at each evaluation, for chrF and to be looked at.
    """

    bases: dict[str, str]
    tuning: Literal["full", "lora"]
    lora: Lora
    industries: list[str]
    distillation: Distillation
    model: MarianShape
    optimizer: Optimizer
    running: Running
    judged_segments: Positive
    batch_tokens: Positive
    target_piece_dropout: Share
    guided_alignment: GuidedAlignment
    terms: TermTraining
    augmentation: Augmentation
    threads: Positive


class TrainIntents(Section):
    """The classifier: one encoder, three heads.

    Attributes:
        base: hub id or folder of the encoder that is fine-tuned; `null`: from scratch.
    """

    base: str | None
    model: XlmrShape
    optimizer: Optimizer
    running: Running
    augmentation: Augmentation
    piece_dropout: Share
    segmentation_smoothness: Annotated[float, Field(gt=0, le=1)]
    threads: Positive


class ExportModel(Section):
    """Bundles."""

    precisions: list[Literal["fp32", "int8"]]
    serve: Literal["fp32", "int8"]
    calibration_segments: Positive
    parity_segments: Positive


class EvaluateTranslation(Section):
    """Scores per language pair.

    Attributes:
        noise_segments: seen test segments that are translated with each kind of noise.
        general: file of general text, segments as JSON Lines, on which a fine-tuned model is compared with its base; `null`: none.
        general_segments: of it that are translated in each pair.
    """

    batch_size: Positive
    resamples: Positive
    parity_segments: Positive
    parity_beams: Positive
    noise_segments: Positive
    general: str | None
    general_segments: Annotated[int, Field(ge=2)]


class EvaluateIntents(Section):
    """Scores of the classifier."""

    batch_size: Positive
    resamples: Positive


class Latency(Section):
    """Load on the real HTTP service."""

    rate_per_s: Annotated[float, Field(gt=0)]
    seconds: Annotated[float, Field(gt=0)]
    translate_words: Positive
    transformers_segments: Positive
    threads: Positive


class Params(Section):
    """Everything that changes a result: `configs/params.yaml`."""

    profile: str
    seed: int
    prepare_translation: PrepareTranslation
    prepare_intents: PrepareIntents
    train_translation: TrainTranslation
    export_translation: ExportModel
    train_intents: TrainIntents
    export_intents: ExportModel
    evaluate_translation: EvaluateTranslation
    evaluate_intents: EvaluateIntents
    latency: Latency


class Intents(Section):
    """`configs/intents.yaml`: the label sets of the three heads."""

    intents: dict[str, str]
    sentiments: list[str]
    urgencies: list[str]


SettingsModel = TypeVar("SettingsModel", bound=BaseModel)


def load_params(path: Path | None = None) -> Params:
    """The active parameters.

    Args:
        path: the file; `None` takes `QUAYSIDE_PARAMS` from the environment, else `configs/params.yaml`.

    Raises:
        SettingsError: the file is missing, is not YAML, or breaks the schema; all mistakes at once.
    """
    return read_settings(path or Path(os.environ.get("QUAYSIDE_PARAMS", PARAMS_FILE)), Params)


def load_intents(path: Path = INTENTS_FILE) -> Intents:
    """The labels of the classifier's heads."""
    return read_settings(path, Intents)


def read_settings(path: Path, schema: type[SettingsModel]) -> SettingsModel:
    """A YAML file as an instance of `schema`.

    Raises:
        SettingsError: the file is missing, is not YAML, or breaks the schema; all mistakes at once.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: holds {type(values).__name__}, expected sections of keys")
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        lines = [_mistake(path, schema, problem) for problem in error.errors()]
        raise SettingsError("\n".join(lines)) from None


def _mistake(path: Path, schema: type[BaseModel], problem: Any) -> str:
    """One mistake as one sentence: file, key, value, what is valid."""
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        valid = _valid_keys(schema, problem["loc"][:-1])
        nearest = difflib.get_close_matches(str(problem["loc"][-1]), valid, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"valid here: {', '.join(valid)}"
        return f"{path}: {key} = {problem['input']!r} is not a known key; {hint}"
    if problem["type"] == "missing":
        return f"{path}: {key} is missing"
    return f"{path}: {key} = {problem['input']!r}: {problem['msg'].lower()}{_exponent_hint(problem['input'])}"


def _exponent_hint(value: Any) -> str:
    """What to write instead of a number that PyYAML reads as text: YAML 1.1 wants a point, and a sign in the exponent."""
    number = re.fullmatch(r"([-+]?\d+)(\.\d*)?[eE]([-+]?)(\d+)", value) if isinstance(value, str) else None
    if number is None:
        return ""
    whole, fraction, sign, exponent = number.groups()
    return f" (YAML reads {value} as text: write {whole}{fraction or '.0'}e{sign or '+'}{exponent})"


def _valid_keys(schema: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """The keys that the section at `location` may have; sections may stand in lists and dictionaries."""
    for part in location:
        field = schema.model_fields.get(str(part))
        if field is None:  # the position in a list, or a key of a dictionary
            continue
        inner = [a for a in (field.annotation, *get_args(field.annotation)) if isinstance(a, type) and issubclass(a, BaseModel)]
        if inner:
            schema = inner[0]
    return list(schema.model_fields)

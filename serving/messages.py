"""What travels over HTTP: the requests and the answers, as the OpenAPI page shows them.

Requests are strict: an unknown field or a value of another type is an error. Offsets are Unicode code points of the text as it was
sent, `end` exclusive. Limits on size are settings, so they are checked beside the models, in `check_translate` and `check_classify`.

Not covered: which languages and industries there are; the models know that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from serving.errors import Detail, TooLargeError
from serving.settings import MAX_BEAMS, Limits

Action = Literal["answer", "suggest", "human"]
Level = Literal[1, 2, 3]

# RFC 5646, section 2.1, without private use: a message that is sent as a language by mistake is refused, not repeated.
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$", max_length=35, examples=["en"])]
Industry = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=64, examples=["machinery"])]
Version = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]


class Request(BaseModel):
    """A part of a request: unknown fields are errors, values are never converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Answer(BaseModel):
    """A part of an answer; made from the records of `serving/answers.py`."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class TermPair(Request):
    """A term as this request wants it translated."""

    source: str = Field(min_length=1, description="the term as it stands in the segments")
    target: str = Field(min_length=1, description="the translation it must get")


TRANSLATE_EXAMPLE: JsonDict = {
    "segments": ["Could you send me a quotation for 20 sets of the HX-200? We need them before 15 March."],
    "source": "en",
    "target": "de",
    "industry": "machinery",
    "glossary": [{"source": "quotation", "target": "Angebot"}],
}


class TranslateRequest(Request):
    """Segments to translate; a segment may hold several sentences and lines."""

    model_config = ConfigDict(json_schema_extra={"examples": [TRANSLATE_EXAMPLE]})

    segments: list[str] = Field(min_length=1, description="texts, translated one by one; spaces and line breaks are kept")
    source: Language | None = Field(default=None, description="language of the segments; null: each is detected")
    target: Language = Field(description="language to translate into", examples=["de"])
    industry: Industry | None = Field(default=None, description="whose glossary is used; null: none")
    glossary: list[TermPair] = Field(default=[], description="terms of this request; they win over the industry's")
    context: list[str] = Field(default=[], description="earlier messages; must be empty for now")
    strict_terms: bool = Field(default=False, description="whether every term is to stand in the translation: what is missed is repaired")
    beams: int | None = Field(default=None, ge=1, le=MAX_BEAMS, description="beam width; null: the service's own; 1 is greedy")

    @field_validator("context")
    @classmethod
    def _no_context(cls, context: list[str]) -> list[str]:
        """Refuse what the models are not trained for, rather than ignore it."""
        if context:
            raise PydanticCustomError("not_yet", "these models do not use context yet: leave it empty")
        return context

    @field_validator("glossary")
    @classmethod
    def _no_contradiction(cls, glossary: list[TermPair]) -> list[TermPair]:
        """Refuse one term with two translations, rather than choose."""
        said: dict[str, int] = {}
        for i, term in enumerate(glossary):
            first = said.setdefault(term.source, i)
            if glossary[first].target != term.target:
                raise PydanticCustomError("contradiction", f"entries {first} and {i} give one term two translations")
        return glossary


class HistoryTurn(Request):
    """One earlier message of the conversation."""

    role: Literal["customer", "agent"] = Field(description="who wrote it")
    text: str = Field(description="what they wrote")


class Customer(Request):
    """What the platform knows about the writer; it decides the route, never the intent."""

    tier: Literal["diamond", "gold", "silver"] | None = Field(default=None, description="service level; null: none")
    repeat_contacts: int = Field(default=0, ge=0, description="earlier contacts about the same matter")


CLASSIFY_EXAMPLE: JsonDict = {
    "text": "The parcel should have been here last week and the tracking has not moved since Monday. Where is it?",
    "history": [{"role": "agent", "text": "Your order left our warehouse on the 2nd."}],
    "language": "en",
    "customer": {"tier": "gold", "repeat_contacts": 1},
}


class ClassifyRequest(Request):
    """A customer's message to understand."""

    model_config = ConfigDict(json_schema_extra={"examples": [CLASSIFY_EXAMPLE]})

    text: str = Field(min_length=1, description="the message")
    history: list[HistoryTurn] = Field(default=[], description="earlier messages, oldest first; the last 10 or more")
    language: Language | None = Field(default=None, description="language of the message; null: it is detected")
    customer: Customer = Field(default=Customer(), description="who wrote it")


class ModelName(Answer):
    """The model that answered."""

    name: str
    version: str = Field(description="the beginning of the SHA-256 of its manifest")


class Timing(Answer):
    """Where the time went, in ms."""

    queue: float = Field(description="waiting for the model")
    compute: float = Field(description="in the model")


class TermFound(Answer):
    """A term of the glossaries that stands in the segment."""

    source: str
    target: str
    applied: bool = Field(description="whether the translation has the target form")
    start: int = Field(description="code point in the segment")
    end: int = Field(description="code point after the term")
    overrides: str | None = Field(description="the industry's translation, where the request said another; null: no conflict")


class TranslatedSegment(Answer):
    """A segment's translation."""

    text: str
    source: str = Field(description="language of the segment")
    pivot: str | None = Field(description="language it went through; null: translated directly")
    terms: list[TermFound]
    protected: int = Field(description="how many spans were kept as they were: numbers, codes, addresses ...")
    score: float = Field(description="0..100, how likely the model holds its translation")


class GlossaryName(Answer):
    """The glossary that was used, from the beginning of the request to its end."""

    industry: str
    version: str = Field(description="a hash of what it says")


class TranslateResponse(Answer):
    """The translations, in the order of the segments."""

    translations: list[TranslatedSegment]
    model: ModelName
    glossary: GlossaryName | None = Field(description="whose terms were looked for; null: no industry was named")
    timing_ms: Timing


class IntentGuess(Answer):
    """An intent that it might be as well."""

    intent: str
    confidence: float = Field(description="calibrated, 0..1")


class Entity(Answer):
    """Something in the message worth looking up: an order number, an amount, an address ..."""

    kind: str
    text: str
    start: int = Field(description="code point in the message")
    end: int = Field(description="code point after it")


class RouteAnswer(Answer):
    """What to do with the message."""

    action: Action = Field(description="answer: by machine; suggest: to an agent; human: a person reads first")
    level: Level = Field(description="1: standard answers; 2: specialist; 3: someone who decides")
    queue: str
    reply_within_minutes: int
    reasons: list[str] = Field(description="every rule that applied")


class ClassifyResponse(Answer):
    """What the message is about, and where it goes."""

    language: str
    intent: str
    confidence: float = Field(description="calibrated, 0..1")
    alternatives: list[IntentGuess]
    out_of_scope: bool = Field(description="none of the intents fits")
    sentiment: str
    urgency: str
    entities: list[Entity]
    route: RouteAnswer
    model: ModelName
    timing_ms: Timing


class ModelDescription(Answer):
    """A model in service."""

    name: str
    version: str
    kind: str = Field(description="translation or intents")
    languages: list[str]
    pairs: list[list[str]] = Field(description="[source, target], translated directly")
    precision: str = Field(description="of the numbers in the graphs that run: fp32 or int8")


class ModelsResponse(Answer):
    """The models in service."""

    models: list[ModelDescription]


class GlossaryDescription(Answer):
    """A glossary in use."""

    industry: str
    version: str = Field(description="a hash of what it says, whatever the file's format and the order of its terms")
    terms: int = Field(description="how many")
    languages: list[str] = Field(description="that any of its terms has")
    origin: Literal["bundle", "uploaded"]
    uploaded_at: str | None = Field(description="UTC, ISO 8601; null: it is the bundle's own")
    uploaded_by: str | None = Field(description="the first 8 digits of the SHA-256 of the admin key")


class GlossariesResponse(Answer):
    """The glossaries in use, by industry."""

    glossaries: list[GlossaryDescription]


class GlossaryResponse(GlossaryDescription):
    """A glossary with its entries, which can be uploaded again."""

    entries: list[dict[str, Any]] = Field(description="each as the YAML files write it; see data/README.md")


class GlossaryChange(Answer):
    """What a change did; it is in effect when this is answered, and in other processes of the service within a second."""

    industry: str
    before: str | None = Field(description="version in use before; null: the industry had no glossary")
    version: str | None = Field(description="version in use now; null: it has none any more")
    terms: int = Field(description="how many it has")


class ErrorDetail(Answer):
    """One mistake in the request."""

    field: str = Field(description="dotted path, such as segments.0; of an uploaded file `line 3`, `entry 3` or `file`")
    problem: str


class ErrorContent(Answer):
    """What went wrong."""

    code: str = Field(description="for programs", examples=["invalid"])
    message: str = Field(description="for people, one sentence")
    details: list[ErrorDetail]


class ErrorResponse(Answer):
    """The one shape of every error."""

    error: ErrorContent


def check_translate(request: TranslateRequest, limits: Limits) -> None:
    """Raises TooLargeError: a list or a text is over its limit; all of them at once."""
    lengths = [
        ("segments", len(request.segments), limits.segments, "segments"),
        ("glossary", len(request.glossary), limits.glossary_terms, "terms"),
    ]
    lengths += [(f"segments.{i}", len(text), limits.segment_characters, "characters") for i, text in enumerate(request.segments)]
    for i, term in enumerate(request.glossary):
        lengths.append((f"glossary.{i}.source", len(term.source), limits.term_characters, "characters"))
        lengths.append((f"glossary.{i}.target", len(term.target), limits.term_characters, "characters"))
    _check(lengths)


def check_classify(request: ClassifyRequest, limits: Limits) -> None:
    """Raises TooLargeError: the history or a text is over its limit; all of them at once."""
    lengths = [
        ("text", len(request.text), limits.segment_characters, "characters"),
        ("history", len(request.history), limits.history_turns, "turns"),
    ]
    lengths += [(f"history.{i}.text", len(turn.text), limits.segment_characters, "characters") for i, turn in enumerate(request.history)]
    _check(lengths)


def _check(lengths: Iterable[tuple[str, int, int, str]]) -> None:
    """Refuse every (field, length, limit, unit) whose length is over its limit."""
    over = [Detail(field, f"has {length} {unit}, at most {limit} are allowed") for field, length, limit, unit in lengths if length > limit]
    if over:
        raise TooLargeError(f"over the limit: {', '.join(detail.field for detail in over)}", over)

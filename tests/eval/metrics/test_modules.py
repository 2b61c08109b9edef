"""Every module loads in `evaluate` from its path, without a network, and computes what its function does.

One process and one import for all: `evaluate` takes seconds.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from configs.schema import ROOT
from eval.metrics.text import chrf

MODULES = "eval/metrics/modules"
PUMP = {"id": "pump", "words": [["Pumpe", "Pumpen"], ["Förderpumpe"]]}
MARKED = {"forms": ["pompe", "pompes"], "start": 1, "end": 2, "inflected": False}
FRENCH = {"predictions": ["une pompe est ici", "rien"], "references": ["une pompe est là", "les pompes"], "terms": [[MARKED], [MARKED]]}

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "term_success": (
        {"predictions": ["Die Pumpe.", "Ein Rad.", "x"], "terms": [[["Pumpe", "Pumpen"], ["Rad"]], [["Rad"], ["rad"]], []]},
        {"term_success": 75.0},
    ),
    "inflected": (
        {"predictions": ["Pumpen", "Pumpe"], "references": ["Pumpen", "Pumpen"], "terms": [[PUMP], [PUMP]]},
        {"inflected": 50.0, "count": 2},
    ),
    "consistency": (
        {"predictions": ["Pumpe", "Pumpen", "x"], "documents": ["d", "d", "e"], "terms": [[PUMP], [PUMP], []]},
        {"consistency": 100.0, "found": 100.0, "occurrences": 2, "missed": 0},
    ),
    "chrf_context": (
        {
            "predictions": ["Die Ventile laufen."],
            "references": ["Die Pumpen laufen."],
            "prediction_terms": [[["Ventile"]]],
            "reference_terms": [[["Pumpe", "Pumpen"]]],
        },
        {"chrf_context": pytest.approx(100.0), "signature": chrf(["a"], ["a"]).signature},
    ),
    "exact_match": (FRENCH, {"exact_match": 50.0, "hits": 1, "terms": 2}),
    "window_overlap": ({**FRENCH, "window": 1}, {"window_overlap": 50.0}),  # une, est: all; the other segment has none
    "term_weighted_score": (FRENCH, {"term_weighted_score": pytest.approx(100 * (1 - (1 / 4 + 3 / 2) / 2))}),
}


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """`evaluate.load`, from the root of the repository, with a cache of its own; whoever connects to anything fails."""

    def refuse(_: socket.socket, address: Any) -> None:
        pytest.fail(f"connected to {address}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("huggingface")))
        patch.setattr(socket.socket, "connect", refuse)
        patch.chdir(ROOT)
        import evaluate

        yield evaluate.load


def test_every_folder_is_tested() -> None:
    assert sorted(path.name for path in Path(ROOT, MODULES).iterdir() if path.is_dir() and path.name != "__pycache__") == sorted(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_module_loads_from_its_path_and_computes(name: str, load: Callable[[str], Any]) -> None:
    given, expected = CASES[name]
    module = load(f"{MODULES}/{name}")
    assert module.compute(**given) == expected
    assert "Raises:" in module.description or "Each form of a term" in module.description  # the function's own text
    assert all(column in module.inputs_description for column in given)


def test_rows_may_come_one_by_one(load: Callable[[str], Any]) -> None:
    module = load(f"{MODULES}/term_success")
    module.add(prediction="Die Pumpe.", terms=[["Pumpe"]])
    module.add(prediction="x", terms=[["Pumpe"]])
    assert module.compute() == {"term_success": 50.0}


def test_what_the_function_refuses_the_module_refuses(load: Callable[[str], Any]) -> None:
    with pytest.raises(ValueError, match="term success of 1 segments without a single term"):
        load(f"{MODULES}/term_success").compute(predictions=["a"], terms=[[]])
    with pytest.raises(ValueError, match="exact match of 1 segments without a single term"):
        load(f"{MODULES}/exact_match").compute(predictions=["a"], references=["a"], terms=[[]])
    with pytest.raises(ValueError, match="Evaluation module inputs are missing: \\['terms'\\]"):
        load(f"{MODULES}/inflected").compute(predictions=["a"], references=["a"])


def test_a_path_that_is_not_there_is_said(load: Callable[[str], Any]) -> None:
    with pytest.raises(FileNotFoundError, match=r"Couldn't find a metric script at .*/modules/no_such/no_such\.py"):
        load(f"{MODULES}/no_such/no_such.py")

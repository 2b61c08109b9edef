"""dvc.yaml says the truth: each stage's `.py` deps are the modules that its command really imports, its params are keys that exist."""

from __future__ import annotations

import ast
import functools
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.schema import ROOT

PACKAGES = ("configs", "data", "training", "serving", "eval")
STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
# A stage that starts another program of ours depends on what that program imports, too.
STARTS = {"eval.running": "serving.__main__"}


def module_file(name: str) -> Path | None:
    """The file of a module of ours; None for anything else."""
    path = ROOT.joinpath(*name.split("."))
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file() and name.split(".")[0] in PACKAGES), None)


@functools.cache
def imports(name: str) -> frozenset[str]:
    """The modules of ours that a module imports, inside functions too, but not those for type checking alone."""
    path = module_file(name)
    assert path is not None
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            found.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    parents = {".".join(m.split(".")[:i]) for m in {*found, name} for i in range(1, m.count(".") + 1)}
    return frozenset(m for m in found | parents | {STARTS.get(name, name)} if module_file(m))


def needed_files(module: str) -> set[str]:
    """The files of every module that `module` leads to, its own too, relative to the repository."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += imports(name)
    return {str(path.relative_to(ROOT)) for name in reached if (path := module_file(name)) and path.read_text(encoding="utf-8").strip()}


def command_module(stage: dict[str, Any]) -> str:
    words = shlex.split(stage["cmd"])
    assert words[:2] == ["python", "-m"], stage["cmd"]
    return words[2]


def declared(stage: dict[str, Any]) -> list[str]:
    return [
        dep
        for dep in stage["deps"]
        if dep.endswith(".py")
        or (
            (ROOT / dep).is_dir()
            and not dep.startswith(("data/", "training/models", "training/bundles", "training/parity", "eval/results"))
        )
    ]


def test_all_stages_of_the_line_are_there() -> None:
    assert list(STAGES) == [
        "prepare_translation", "prepare_intents", "train_translation", "train_intents", "export_translation", "export_intents",
        "evaluate_translation", "evaluate_terms", "baseline_intents", "evaluate_intents", "latency", "report", "gate",
    ]  # fmt: skip


@pytest.mark.parametrize("name", STAGES)
def test_python_deps_are_the_modules_imported(name: str) -> None:
    stage = STAGES[name]
    needed = needed_files(command_module(stage))
    listed = set(declared(stage))
    covered = {file for file in needed if any(file == dep or file.startswith(dep + "/") for dep in listed)}
    missing = sorted(needed - covered)
    assert not missing, f"add to the deps of {name}:\n" + "\n".join(f"      - {file}" for file in missing)
    idle = sorted(dep for dep in listed if not any(file == dep or file.startswith(dep + "/") for file in needed))
    assert not idle, f"take from the deps of {name}: {idle}"


@pytest.mark.parametrize("name", STAGES)
def test_params_are_keys_that_exist(name: str) -> None:
    for file, key in [(file, key) for entry in STAGES[name].get("params", []) for file, keys in entry.items() for key in keys]:
        found = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
        for part in key.split("."):
            assert part in found, f"{name}: {key} is not in {file}"
            found = found[part]


@pytest.mark.parametrize("name", STAGES)
def test_params_are_those_of_the_stage_s_docstring(name: str) -> None:
    path = module_file(command_module(STAGES[name]))
    assert path is not None
    said = re.search(r"^Params\s+(.*)$", ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "", re.MULTILINE)
    keys = [key for entry in STAGES[name].get("params", []) for keys in entry.values() for key in keys]
    assert sorted(said[1].split(", ") if said else []) == sorted(keys)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_file_is_short(name: str) -> None:
    path = module_file(command_module(STAGES[name]))
    assert path is not None
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Module) and ast.get_docstring(node)]
    prose = sum(node.body[0].end_lineno - node.body[0].lineno + 1 for node in documented)  # type: ignore[operator]
    code = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(code) - prose <= 30, f"{path}: {len(code) - prose} lines of code"

import json
import subprocess
import sys

import pytest

from eval import signature as module
from eval.signature import machine, machine_class, one_line, signature, usable_cores, versions


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "prepared").mkdir()
    (tmp_path / "prepared" / "train.jsonl").write_text("{}\n")
    for name in ("en-xx", "intents"):
        (tmp_path / "bundles" / name).mkdir(parents=True)
        (tmp_path / "bundles" / name / "manifest.json").write_text(f'{{"name": "{name}"}}')
    return tmp_path / "prepared", tmp_path / "bundles"


def described(flags: list[str], cores: int = 2, architecture: str = "x86_64") -> dict:
    return {"machine": {"architecture": architecture, "processor": "P", "flags": flags, "cores": cores}}


def test_the_signature_names_everything_and_is_json(folders):
    found = signature(*folders)
    assert list(found) == ["data", "bundles", "git", "machine", "versions"]
    assert list(found["bundles"]) == ["en-xx", "intents"]
    assert json.loads(json.dumps(found)) == found


def test_data_and_bundles_change_the_signature(folders):
    prepared, bundles = folders
    before = signature(prepared, bundles)
    (prepared / "train.jsonl").write_text('{"id": 1}\n')
    (bundles / "intents" / "manifest.json").write_text("{}")
    after = signature(prepared, bundles)
    assert after["data"] != before["data"]
    assert after["bundles"]["intents"] != before["bundles"]["intents"]
    assert after["bundles"]["en-xx"] == before["bundles"]["en-xx"]


def test_what_is_not_there_is_null(tmp_path):
    found = signature(tmp_path / "no", tmp_path / "none")
    assert (found["data"], found["bundles"]) == (None, {})
    assert one_line(found).startswith("data none | bundles none | git ")


def test_one_line_is_one_line_with_short_hashes(folders):
    found = signature(*folders)
    line = one_line(found)
    assert "\n" not in line
    assert f"data {found['data'][:10]} | bundles en-xx {found['bundles']['en-xx'][:10]} intents " in line
    assert machine_class(found) in line


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["avx", "avx2"], "x86_64-2c-avx2"),
        (["avx"], "x86_64-2c-avx"),
        (["avx", "avx2", "avx512f", "avx512_vnni"], "x86_64-2c-avx512vnni"),
        (["avx", "avx2", "avx512f"], "x86_64-2c-avx512"),
        (["avx", "avx2", "avx_vnni"], "x86_64-2c-avxvnni"),
        (["amx_int8", "avx2", "avx512_vnni"], "x86_64-2c-amx"),
        ([], "x86_64-2c-plain"),
    ],
)
def test_the_machine_class_tells_the_best_instructions(flags, expected):
    assert machine_class(described(flags)) == expected


def test_the_machine_class_tells_architecture_and_cores():
    assert machine_class(described([], 8, "arm64")) == "arm64-8c-plain"


def test_linux_tells_processor_and_vector_flags(monkeypatch, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("model name\t: AMD EPYC 7B13\nflags\t\t: fpu sse2 avx avx2 avx512_vnni amx_int8 aes\nmodel name\t: AMD EPYC 7B13\n")
    monkeypatch.setattr(module.platform, "system", lambda: "Linux")
    monkeypatch.setattr(module, "CPUINFO", cpuinfo)
    found = machine()
    assert found["processor"] == "AMD EPYC 7B13"
    assert found["flags"] == ["amx_int8", "avx", "avx2", "avx512_vnni"]
    assert found["memory_mb"] > 100


def test_macos_tells_processor_and_vector_flags(monkeypatch):
    said = {"brand_string": "Intel(R) Core(TM) i7", "features": "FPU SSE4.2 AVX1.0", "leaf7_features": "BMI1 AVX2"}
    monkeypatch.setattr(module.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(module, "_sysctl", lambda name: said[name.rpartition(".")[2]])
    found = machine()
    assert (found["processor"], found["flags"]) == ("Intel(R) Core(TM) i7", ["avx", "avx2"])


def test_a_mac_without_features_or_sysctl_is_no_crash(monkeypatch):
    def no_such_program(*_args, **_kwargs):
        raise FileNotFoundError("sysctl")

    monkeypatch.setattr(module.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(module.platform, "machine", lambda: "arm64")
    monkeypatch.setattr(module.subprocess, "run", no_such_program)
    found = machine()
    assert (found["processor"], found["flags"]) == ("arm64", [])


def test_another_system_is_no_crash(monkeypatch, tmp_path):
    monkeypatch.setattr(module.platform, "system", lambda: "Plan9")
    monkeypatch.setattr(module, "CPUINFO", tmp_path / "none")
    assert machine()["flags"] == []


@pytest.mark.parametrize(("quota", "expected"), [("200000 100000", 2), ("50000 100000", 1), ("max 100000", 4), (None, 4)])
def test_a_containers_quota_limits_the_cores(monkeypatch, tmp_path, quota, expected):
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(module, "CPU_QUOTA", tmp_path / "cpu.max")
    if quota:
        (tmp_path / "cpu.max").write_text(quota + "\n")
    assert usable_cores() == expected


def test_versions_leave_out_what_is_not_installed(monkeypatch):
    monkeypatch.setattr(module, "PACKAGES", ("numpy", "no-such-package"))
    assert list(versions()) == ["python", "numpy"]


def test_versions_import_nothing():
    program = (
        "import sys; from eval.signature import versions; assert 'torch' in versions();"
        "print(sorted({'torch', 'mlflow', 'bentoml', 'sacrebleu', 'onnxruntime'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"

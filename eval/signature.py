"""What a number was measured on: data, bundles, code, machine, versions. No number without it.

    signature()                the whole, as it stands in report.json
    one_line(signature)        for the foot of a table
    machine_class(signature)   for gates on milliseconds, which mean nothing on another machine: `x86_64-2c-avx512vnni`

Linux and macOS tell everything; elsewhere the processor's flags stay empty.

Not covered: GPUs, clock speeds, other load on the machine.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from configs.schema import ROOT
from data.records import file_sha256, tree_sha256
from training.tracking import git_revision

PREPARED = ROOT / "data" / "prepared"
BUNDLES = ROOT / "training" / "bundles"
CPUINFO = Path("/proc/cpuinfo")
CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # cgroup v2, "QUOTA PERIOD" or "max PERIOD": a container's share of the cores
PACKAGES = (  # those that change a result or a time
    *("numpy", "onnxruntime", "torch", "transformers", "tokenizers", "sentencepiece", "bentoml"),
    *("sacrebleu", "rapidfuzz", "scikit-learn", "mlflow", "dvc"),
)
VECTOR_FLAG = re.compile(r"avx2?|avx512\w*|avx_vnni\w*|amx_\w+")
# Name in a machine class -> the flag that makes it, fastest int8 arithmetic first.
VECTOR_LEVELS = {
    "amx": "amx_int8",
    "avx512vnni": "avx512_vnni",
    "avxvnni": "avx_vnni",
    "avx512": "avx512f",
    "avx2": "avx2",
    "avx": "avx",
}
HASH_DIGITS = 10  # of a hash in a table; as git's own short form for a repository of this size


def signature(prepared: Path = PREPARED, bundles: Path = BUNDLES) -> dict[str, Any]:
    """What numbers measured now are measured on.

    Args:
        prepared: the prepared data; its hash is null where the folder is missing.
        bundles: the folder of bundles; each is known by the hash of its manifest, which holds those of its files.
    """
    return {
        "data": tree_sha256(prepared) if prepared.is_dir() else None,
        "bundles": {path.parent.name: file_sha256(path) for path in sorted(bundles.glob("*/manifest.json"))},
        "git": git_revision(),
        "machine": machine(),
        "versions": versions(),
    }


def machine() -> dict[str, Any]:
    """Architecture, processor, its vector instructions, the cores this process may use, memory."""
    import psutil

    processor, flags = _processor()
    return {
        "architecture": platform.machine(),
        "processor": processor,
        "flags": sorted({flag for flag in flags if VECTOR_FLAG.fullmatch(flag)}),
        "cores": usable_cores(),
        "memory_mb": round(psutil.virtual_memory().total / 2**20),
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that matter; those not installed are left out. Imports none of them."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine_class(signature: Mapping[str, Any]) -> str:
    """Architecture, cores and best vector instructions, such as `x86_64-2c-avx2`; machines of one class may still differ in clock speed."""
    described = signature["machine"]
    level = next((name for name, flag in VECTOR_LEVELS.items() if flag in described["flags"]), "plain")
    return f"{described['architecture']}-{described['cores']}c-{level}"


def one_line(signature: Mapping[str, Any]) -> str:
    """The signature as one line: hashes cut short, the machine by its class."""
    data = (signature["data"] or "none")[:HASH_DIGITS]
    bundles = " ".join(f"{name} {digest[:HASH_DIGITS]}" for name, digest in signature["bundles"].items()) or "none"
    runtime = signature["versions"].get("onnxruntime", "none")
    processor = f"{signature['machine']['processor']} ({machine_class(signature)})"
    return f"data {data} | bundles {bundles} | git {signature['git']} | {processor} | onnxruntime {runtime}"


def usable_cores() -> int:
    """The processor cores that this process may use: of the machine, its affinity and a container's quota, the least."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = CPU_QUOTA.read_text(encoding="utf-8").split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):  # no quota: no such file, or "max"
        return cores


def _processor() -> tuple[str, list[str]]:
    """The processor's name and everything that it says it can."""
    if platform.system() == "Darwin":
        flags = _sysctl("machdep.cpu.features") + " " + _sysctl("machdep.cpu.leaf7_features")
        return _sysctl("machdep.cpu.brand_string") or platform.machine(), flags.lower().replace("avx1.0", "avx").split()
    try:
        described = CPUINFO.read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine(), []
    name = re.search(r"^model name\s*:\s*(.+)$", described, re.MULTILINE)
    flags_line = re.search(r"^flags\s*:\s*(.+)$", described, re.MULTILINE)
    return name[1].strip() if name else platform.machine(), flags_line[1].split() if flags_line else []


def _sysctl(name: str) -> str:
    """A kernel value of macOS; empty where there is none (an ARM processor lists no features)."""
    try:
        return subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""

"""Put the real service under an open-loop load; measure time, memory, start, and the ratio to transformers.

Reads   training/bundles/, training/models/, data/prepared/, configs/serving.yaml, configs/params.yaml
Writes  eval/results/work/latency.json
Params  profile, latency
"""

from pathlib import Path

import typer

from configs.schema import load_params
from data.console import command


@command
def main() -> str:
    """Put the real service under an open-loop load."""
    from eval.latency import measure

    training = Path("training")
    return measure(load_params(), Path("data/prepared"), training / "bundles", training / "models", Path("eval/results/work"))


if __name__ == "__main__":
    typer.run(main)

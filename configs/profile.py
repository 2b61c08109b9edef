"""Switch the active parameters to another profile.

Writes configs/params.yaml, a copy of configs/profiles/NAME.yaml, after checking it against the schema.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from configs.schema import PARAMS_FILE, ROOT, SettingsError, load_params

PROFILES = ROOT / "configs" / "profiles"


def switch(name: str, profiles: Path = PROFILES, active: Path = PARAMS_FILE) -> None:
    """Make `profiles/NAME.yaml` the active parameters.

    Raises:
        SettingsError: there is no such profile, or it breaks the schema; the active file is left alone.
    """
    names = sorted(path.stem for path in profiles.glob("*.yaml"))
    if name not in names:
        raise SettingsError(f"no profile {name!r}; there are: {', '.join(names)}")
    source = profiles / f"{name}.yaml"
    stated = load_params(source).profile
    if stated != name:
        raise SettingsError(f"{source}: profile = {stated!r}: should be the name of the file, {name}")
    temporary = active.with_name(f"{active.name}.tmp")
    shutil.copyfile(source, temporary)
    os.replace(temporary, active)


def main(name: Annotated[str, typer.Argument(help="a file of configs/profiles, without .yaml")]) -> None:
    """Switch the active parameters to another profile."""
    try:
        switch(name)
    except SettingsError as error:
        sys.exit(str(error))
    typer.echo(f"configs/params.yaml: profile {name}")


if __name__ == "__main__":
    typer.run(main)

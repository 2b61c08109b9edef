"""Start the service: check settings, keys and bundles, then run BentoML's server in this process until it is stopped.

What is wrong is said in a sentence on stderr, with exit code 2, before a server exists. Ctrl-C and SIGTERM let running requests end and
exit with 0. One process: nothing is left behind however it ends. It is BentoML's production worker without the supervisor of
`bentoml serve`, which measured 0.9 s more until ready and 72 MB more, waits up to a day for a worker to stop, leaves the worker behind
when it is killed, and starts a failing one again for ever; what restarts a service is the container or systemd.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from configs.schema import ROOT
from serving.routing import load_routing
from serving.settings import OVERRIDES, ServingSettings, is_loopback, load_settings

UNUSABLE = 2  # the exit code for what the user has to mend
BACKLOG = 2048  # uvicorn's and BentoML's own


class StartError(ValueError):
    """The service cannot be started; the message is one sentence."""


def check_keys(settings: ServingSettings) -> None:
    """Raises StartError: other machines could reach the service, and it has no API keys."""
    if not settings.api_keys() and not is_loopback(settings.host):
        raise StartError(f"{settings.host} can be reached from other machines: set {settings.api_keys_variable}, or use --host 127.0.0.1")


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens; bound before the models are loaded, so that a port in use is known at once.

    Raises:
        StartError: the port is in use, or the address is not this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        raise StartError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
    return listening


def serve(listening: socket.socket) -> NoReturn:
    """Run BentoML's worker on the socket until it is told to stop."""
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"  # it would report each start to a server of its maker
    os.chdir(ROOT)  # BentoML imports the service from here
    from _bentoml_impl.worker.service import main as worker  # type: ignore[import-untyped]

    worker(["serving.service:Quayside", "--fd", str(listening.fileno()), "--worker-id", "1"], standalone_mode=False)
    sys.exit("error: the server ended by itself; its log says why")  # a signal would have ended the process in there


def main(
    bundles: Annotated[Path | None, typer.Option(help="folder with one directory per bundle")] = None,
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
) -> None:
    """Start the service."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: sys.exit(0))  # uvicorn raises the signal again after its graceful end
    options = {"bundles": bundles and str(bundles.resolve()), "host": host, "port": port}
    os.environ.update({OVERRIDES[key]: str(value) for key, value in options.items() if value is not None})
    try:
        settings = load_settings()
        load_routing()
        check_keys(settings)
        from serving.bundle import verify_bundles

        verify_bundles(settings.bundles_folder)
        listening = bind(settings.host, settings.port)
    except ValueError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(UNUSABLE)
    typer.echo(f"quayside on http://{settings.host}:{settings.port}, API page at /docs", err=True)
    serve(listening)


if __name__ == "__main__":
    typer.run(main)

"""Checkpoints that training starts from: named by hub id or folder, checked before anything big is fetched, loaded with our markers.

    base = find("Helsinki-NLP/opus-mt-en-de", "translation", [("en", "de")])
    model = start_marian(base, out, MARKERS)

Not covered: revisions other than a hub's `main`, adapters as bases, tokenizers other than SentencePiece for Marian.
"""

from training.bases.files import BaseError
from training.bases.finding import Base, find
from training.bases.starting import start_encoder, start_marian

__all__ = ["Base", "BaseError", "find", "start_encoder", "start_marian"]

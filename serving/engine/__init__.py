"""Decodes: sequences of ids in, sequences of ids out."""

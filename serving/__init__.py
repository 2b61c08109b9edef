"""Serves bundles: understands and translates messages over HTTP. Imports neither torch, transformers nor mlflow."""

"""ONNX graphs built from checkpoints' weights with ONNX Runtime's fused operators."""

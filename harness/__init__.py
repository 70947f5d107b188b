"""Benchmark-and-plugin evaluation harness for multi-MLLM knowledge distillation in out-of-context news detection."""

__version__ = "0.1.0"

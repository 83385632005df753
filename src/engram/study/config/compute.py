"""The section `compute`: on which device and in which precision jobs compute."""

from __future__ import annotations

from typing import Literal

from engram.study.config.fields import Section


class Compute(Section):
    """Device and precision.

    A change reruns the jobs that the key concerns, and no others. Threads, memory and the number
    of GPUs belong to profiles (docs/how-to/clusters.md).
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where language models read stories; `auto`: the GPU where there is one. Tunings, and models
    that write associations, always take the GPU where the run grants one."""
    backend: Literal["auto", "numpy", "torch", "torch_cuda"] = "auto"
    """The library that computes the ridge regression; `auto`: torch_cuda where there
    is a GPU, else torch."""
    reading_dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision of a language model that reads a story. Activations are stored in float32. On a
    processor without instructions for it (`avx512_bf16`, `amx_bf16`), bfloat16 is slower than
    float32: six times, measured."""
    tuning_dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of a tuning's frozen weights and of its forward pass; `auto`: bfloat16 on a GPU,
    else float32. Trained weights are float32."""

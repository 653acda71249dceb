"""Graphs on the grids of chips: weights, biases and decays that fixed-point numbers can hold."""

from neurosc.export.quantization.quantizing import quantize
from neurosc.export.quantization.report import Group, Quantized

__all__ = ["Group", "Quantized", "quantize"]

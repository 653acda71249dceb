"""Robustness studies: a network on many chips of ever stronger imperfections."""

from neurosc.robustness.result import Sweep
from neurosc.robustness.sweeps import sweep

__all__ = ["Sweep", "sweep"]

"""Robustness studies: a network on many chips of ever stronger imperfections."""

from neurosc.robustness import figures
from neurosc.robustness.fidelity import GradientFidelity, gradient_fidelity
from neurosc.robustness.indices import Sensitivity, sensitivity
from neurosc.robustness.pages import report
from neurosc.robustness.result import Sweep
from neurosc.robustness.sweeps import sweep

__all__ = [
    "GradientFidelity",
    "Sensitivity",
    "Sweep",
    "figures",
    "gradient_fidelity",
    "report",
    "sensitivity",
    "sweep",
]

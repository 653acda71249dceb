"""neurosc: train networks of coupled oscillators by letting them relax, on any substrate."""

from neurosc import costs, datasets, topology
from neurosc.costs import CosineCost, CrossEntropy, LogCosineCost, SquaredCosineCost
from neurosc.ideal import Ideal
from neurosc.learning import (
    Bounds,
    Evaluation,
    Fit,
    Gradient,
    evaluate,
    fit,
    fit_each,
    two_phase_gradient,
)
from neurosc.network import Encoding, PhaseNetwork
from neurosc.storage import load, save
from neurosc.substrate import Nudge, Relaxation, RelaxationError, Status, Substrate

__all__ = [
    "Bounds",
    "CosineCost",
    "CrossEntropy",
    "Encoding",
    "Evaluation",
    "Fit",
    "Gradient",
    "Ideal",
    "LogCosineCost",
    "Nudge",
    "PhaseNetwork",
    "Relaxation",
    "RelaxationError",
    "SquaredCosineCost",
    "Status",
    "Substrate",
    "costs",
    "datasets",
    "evaluate",
    "fit",
    "fit_each",
    "load",
    "save",
    "topology",
    "two_phase_gradient",
]

__version__ = "0.1.0"

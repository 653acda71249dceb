"""neurosc: train networks of coupled oscillators by letting them relax, on any substrate."""

from neurosc import costs, datasets, topology
from neurosc.costs import CosineCost, CrossEntropy, LogCosineCost, SquaredCosineCost
from neurosc.ideal import Ideal
from neurosc.ideal.trajectory import Trajectory
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
from neurosc.observables import (
    complex_order_parameter,
    locking_time,
    order_parameter,
    phase_velocity,
)
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
    "Trajectory",
    "complex_order_parameter",
    "costs",
    "datasets",
    "evaluate",
    "fit",
    "fit_each",
    "load",
    "locking_time",
    "order_parameter",
    "phase_velocity",
    "save",
    "topology",
    "two_phase_gradient",
]

__version__ = "0.1.0"

"""neurosc: train networks of coupled oscillators by letting them relax, on any substrate."""

from typing import TYPE_CHECKING, Any

from neurosc import costs, datasets, topology
from neurosc.costs import (
    CosineCost,
    CrossEntropy,
    LogCosineCost,
    SquaredCosineCost,
    SquaredCost,
    SynchronyCost,
)
from neurosc.ideal import Ideal, Interaction
from neurosc.ideal.sweeps import Sweeps
from neurosc.ideal.trajectory import Trajectory
from neurosc.learning import (
    Bounds,
    ContinuousHopfield,
    CrossValidation,
    DivergenceError,
    EnergyModel,
    Evaluation,
    ExpectedGradient,
    Fit,
    Gradient,
    LearningError,
    ModelGradient,
    PhaseModel,
    Rest,
    SuggestedBeta,
    UnlockedError,
    cross_validate,
    evaluate,
    fit,
    fit_each,
    implicit_gradient,
    suggest_beta,
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

if TYPE_CHECKING:
    from neurosc import robustness

__all__ = [
    "Bounds",
    "ContinuousHopfield",
    "CosineCost",
    "CrossEntropy",
    "CrossValidation",
    "DivergenceError",
    "Encoding",
    "EnergyModel",
    "Evaluation",
    "ExpectedGradient",
    "Fit",
    "Gradient",
    "Ideal",
    "Interaction",
    "LearningError",
    "LogCosineCost",
    "ModelGradient",
    "Nudge",
    "PhaseModel",
    "PhaseNetwork",
    "Relaxation",
    "RelaxationError",
    "Rest",
    "SquaredCosineCost",
    "SquaredCost",
    "Status",
    "Substrate",
    "SuggestedBeta",
    "Sweeps",
    "SynchronyCost",
    "Trajectory",
    "UnlockedError",
    "complex_order_parameter",
    "costs",
    "cross_validate",
    "datasets",
    "evaluate",
    "fit",
    "fit_each",
    "implicit_gradient",
    "load",
    "locking_time",
    "order_parameter",
    "phase_velocity",
    "robustness",
    "save",
    "suggest_beta",
    "topology",
    "two_phase_gradient",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Studies, which a tenth of a second imports, when they are asked for."""
    if name == "robustness":
        import importlib

        return importlib.import_module("neurosc.robustness")
    raise AttributeError(f"module 'neurosc' has no attribute {name!r}")

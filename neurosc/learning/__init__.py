"""Learning with two relaxations per sample."""

from neurosc.learning.bounds import Bounds
from neurosc.learning.evaluation import Evaluation, evaluate
from neurosc.learning.fit import Fit, fit, fit_each
from neurosc.learning.gradient import Gradient
from neurosc.learning.two_phase import two_phase_gradient

__all__ = [
    "Bounds",
    "Evaluation",
    "Fit",
    "Gradient",
    "evaluate",
    "fit",
    "fit_each",
    "two_phase_gradient",
]

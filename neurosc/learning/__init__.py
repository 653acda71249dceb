"""Learning with two relaxations per sample."""

from neurosc.learning.bounds import Bounds
from neurosc.learning.ensemble import fit_each
from neurosc.learning.evaluation import Evaluation, evaluate
from neurosc.learning.fit import Fit, fit
from neurosc.learning.gradient import Gradient
from neurosc.learning.implicit import implicit_gradient
from neurosc.learning.nudge_strength import ExpectedGradient, SuggestedBeta, suggest_beta
from neurosc.learning.two_phase import two_phase_gradient

__all__ = [
    "Bounds",
    "Evaluation",
    "ExpectedGradient",
    "Fit",
    "Gradient",
    "SuggestedBeta",
    "evaluate",
    "fit",
    "fit_each",
    "implicit_gradient",
    "suggest_beta",
    "two_phase_gradient",
]

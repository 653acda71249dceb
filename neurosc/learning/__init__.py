"""Learning with two relaxations per sample."""

from neurosc.learning.bounds import Bounds
from neurosc.learning.cross_validation import CrossValidation, cross_validate
from neurosc.learning.energy_model import EnergyModel, Rest
from neurosc.learning.ensemble import fit_each
from neurosc.learning.evaluation import Evaluation, evaluate
from neurosc.learning.fit import DivergenceError, Fit, LearningError, UnlockedError, fit
from neurosc.learning.gradient import Gradient
from neurosc.learning.hopfield import ContinuousHopfield
from neurosc.learning.implicit import implicit_gradient
from neurosc.learning.nudge_strength import ExpectedGradient, SuggestedBeta, suggest_beta
from neurosc.learning.phase_model import PhaseModel
from neurosc.learning.two_phase import ModelGradient, two_phase_gradient

__all__ = [
    "Bounds",
    "ContinuousHopfield",
    "CrossValidation",
    "DivergenceError",
    "EnergyModel",
    "Evaluation",
    "ExpectedGradient",
    "Fit",
    "Gradient",
    "LearningError",
    "ModelGradient",
    "PhaseModel",
    "Rest",
    "SuggestedBeta",
    "UnlockedError",
    "cross_validate",
    "evaluate",
    "fit",
    "fit_each",
    "implicit_gradient",
    "suggest_beta",
    "two_phase_gradient",
]

"""Training that tells of divergence in the table instead of ending the study."""

from __future__ import annotations

from typing import Any

from neurosc.datasets import Dataset
from neurosc.learning import EnergyModel, Fit, fit
from neurosc.learning.fit import LearningError
from neurosc.network import PhaseNetwork


def fit_or_last_good(
    network: PhaseNetwork | EnergyModel, data: Dataset, **settings: Any
) -> tuple[Fit, bool]:
    """`fit`, or how far it had come after its last good epoch; and whether it diverged."""
    try:
        return fit(network, data, **settings), False
    except LearningError as error:
        return error.fit, True

"""Synchrony of the outputs, without a target."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from neurosc.costs.base import Cost, Target, check_batch
from neurosc.network import FloatArray


@dataclasses.dataclass(frozen=True)
class SynchronyCost(Cost):
    """C = 1 - R^2 with Kuramoto's order parameter R = |sum_o z_o| / k of the k outputs.

    Zero where the outputs agree, one where they are spread evenly. It has no target and reads no
    class. It depends on phase differences alone, so its nudge is a uniform coupling 2 beta/k^2
    among all outputs: +beta pulls them together, -beta pushes them apart.

    Source: Kuramoto, Chemical Oscillations (1984); as a cost of learning, Ricci et al.,
    arXiv 2105.02838 (2021).
    """

    has_target: ClassVar[bool] = False
    is_analytic: ClassVar[bool] = True

    def classes(self, n_outputs: int) -> int:
        """Raise: there are none."""
        raise ValueError(
            "cost: SynchronyCost reads no classes, so nothing can be predicted; take its value, or "
            "use a cost with targets, such as CosineCost"
        )

    def _sums(self, phases: FloatArray, target: Target) -> tuple[Any, Any, Any, Any]:
        """cos and sin of the phases, (batch, k), and their sums, (batch, 1)."""
        check_batch(self, target, len(phases))
        c, s = np.cos(phases), np.sin(phases)
        return c, s, c.sum(axis=1, keepdims=True), s.sum(axis=1, keepdims=True)

    def value(self, phases: FloatArray, target: Target = None) -> FloatArray:
        _, _, c_sum, s_sum = self._sums(phases, target)
        return np.asarray(1 - (c_sum**2 + s_sum**2)[:, 0] / phases.shape[1] ** 2)

    def gradient(self, phases: FloatArray, target: Target = None) -> FloatArray:
        c, s, c_sum, s_sum = self._sums(phases, target)
        return np.asarray((s * c_sum - c * s_sum) * (2 / phases.shape[1] ** 2))

    def hessian(self, phases: FloatArray, target: Target = None) -> FloatArray:
        c, s, c_sum, s_sum = self._sums(phases, target)
        pairs = c[:, :, None] * c[:, None, :] + s[:, :, None] * s[:, None, :]
        own = (c * c_sum + s * s_sum)[..., None] * np.eye(phases.shape[1])
        return np.asarray((own - pairs) * (2 / phases.shape[1] ** 2))

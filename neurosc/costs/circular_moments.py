"""Clusters of outputs: synchrony within groups, splay between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from neurosc.costs.base import Cost, Target, check_batch
from neurosc.network import FloatArray, IntArray

STILL = 1e-9
"""Length of the sum of z of a group below which it has no direction."""


@dataclasses.dataclass(frozen=True)
class CircularMoments(Cost):
    """C = [1 - mean_g R_g + sum_{m <= k/2} |sum_g e^{i m Theta_g}|^2 / (2 k m^2)] / bound.

    R_g e^{i Theta_g} is the mean of z = e^{i theta} over group g, and bound =
    1 + k/2 sum_{m <= k/2} 1/m^2 the most that the bracket can be. C is zero where each group is in
    synchrony and the groups stand evenly around the circle, whichever comes after which.

    Parameters
    ----------
    groups
        k, how many there are.

    Notes
    -----
    Its target are the groups of the outputs, labels 0 to k - 1 of shape (batch, outputs), each
    group with a member or more. It reads no class. Where the z of a group sum to zero, C has a
    kink, and the slopes of that group are taken to be zero.

    Four groups have no rest of their own at C = 0: neighbours stand at right angles, where the
    stiffness K_ij cos(theta_j - theta_i) of each coupling between them vanishes, so that the two
    pairs of opposite groups turn against each other freely, whatever K is. Two, three, five and six
    groups can have one.

    Source: Ricci et al., arXiv 2105.02838 (2021).
    """

    groups: int
    is_analytic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.groups, bool) or not isinstance(self.groups, int | np.integer):
            raise TypeError(f"groups: {self.groups!r} is no whole number; give 2 or more")
        if self.groups < 2:
            raise ValueError(
                f"groups: {self.groups} leaves nothing to tell apart; give 2 or more, or use "
                "SynchronyCost"
            )

    def classes(self, n_outputs: int) -> int:
        """Raise: there are none."""
        raise ValueError(
            "cost: CircularMoments reads no classes, so nothing can be predicted; take its value, "
            "or use a cost with a target for each output, such as CosineCost"
        )

    @property
    def bound(self) -> float:
        """The most that the bracket can be."""
        return 1 + self.groups**2 * float(self._weights.sum())

    @property
    def _weights(self) -> FloatArray:
        """1 / (2 k m^2) of the moments m = 1 .. k/2."""
        return np.asarray(1 / (2 * self.groups * self._moments**2))

    @property
    def _moments(self) -> FloatArray:
        return np.arange(1, self.groups // 2 + 1, dtype=np.float64)

    def value(self, phases: FloatArray, target: Target) -> FloatArray:
        s = self._state(phases, target)
        apart = s.plain((s.powers.sum(axis=1) * s.inverse.sum(axis=1)) @ self._weights)
        return np.asarray((1 - s.order.mean(axis=1) + apart) / self.bound)

    def gradient(self, phases: FloatArray, target: Target) -> FloatArray:
        s = self._state(phases, target)
        slope = s.of_each(self._angle_slope(s)) * s.turn - s.of_each(s.order) * s.grow / self.groups
        return np.asarray(slope / self.bound)

    def hessian(self, phases: FloatArray, target: Target) -> FloatArray:
        s = self._state(phases, target)
        order, push = s.of_each(s.order) / self.groups, s.of_each(self._angle_slope(s))
        rows = np.arange(len(phases))[:, None, None]
        between = self._angle_curvature(s)[rows, s.labels[:, :, None], s.labels[:, None, :]]
        within = s.labels[:, :, None] == s.labels[:, None, :]
        turns = s.turn[:, :, None] * s.turn[:, None, :]
        mixed = s.turn[:, :, None] * (push * s.grow)[:, None, :]
        hessian = turns * (between - within * order[:, :, None])
        hessian -= within * (mixed + mixed.swapaxes(1, 2))
        index = np.arange(phases.shape[1])
        hessian[:, index, index] += order * s.turn + push * s.grow
        return np.asarray(hessian / self.bound)

    def _angle_slope(self, s: _State) -> Any:
        """d/dTheta_g of the sum over moments, (batch, groups)."""
        up, down = s.powers.sum(axis=1, keepdims=True), s.inverse.sum(axis=1, keepdims=True)
        return s.plain(1j * ((s.powers * down - s.inverse * up) @ (self._weights * self._moments)))

    def _angle_curvature(self, s: _State) -> Any:
        """d2/dTheta_g dTheta_h of it, (batch, groups, groups)."""
        weights = self._weights * self._moments**2
        pairs = (s.powers * weights) @ s.inverse.swapaxes(1, 2)
        pairs = pairs + pairs.swapaxes(1, 2)
        up, down = s.powers.sum(axis=1, keepdims=True), s.inverse.sum(axis=1, keepdims=True)
        own = (s.powers * down + s.inverse * up) @ weights
        return s.plain(pairs - own[..., None] * np.eye(self.groups))

    def _state(self, phases: FloatArray, target: Target) -> _State:
        labels = self._labels(target, phases.shape)
        member = np.asarray(labels[:, None, :] == np.arange(self.groups)[:, None], np.float64)
        z, w = np.exp(1j * phases), np.exp(-1j * phases)
        a, b = (member @ each[..., None] for each in (z, w))
        length = np.sqrt(a * b)[..., 0]
        still = np.abs(length) < STILL
        a, b = (np.where(still, 1.0, each[..., 0]) for each in (a, b))
        safe = np.where(still, 1.0, length)
        p, q = (
            each * np.take_along_axis(np.where(still, 0.0, 1 / total), labels, axis=1)
            for each, total in ((z, a), (w, b))
        )
        m, plain = self._moments, _as_it_is if np.iscomplexobj(phases) else np.real
        return _State(
            labels=labels,
            order=plain(length / member.sum(axis=2)),
            powers=(a / safe)[..., None] ** m,
            inverse=(b / safe)[..., None] ** m,
            turn=plain((p + q) / 2),
            grow=plain(1j * (p - q) / 2),
            plain=plain,
        )

    def _labels(self, target: Target, shape: tuple[int, ...]) -> IntArray:
        check_batch(self, target, shape[0])
        labels = np.asarray(target)
        if labels.dtype.kind not in "iu" or labels.shape != shape:
            raise ValueError(
                f"target: expected the integer group of each of {shape} outputs, not shape "
                f"{labels.shape} of {labels.dtype}"
            )
        counts = np.stack([(labels == g).sum(axis=1) for g in range(self.groups)], axis=1)
        if (counts.sum(axis=1) < shape[1]).any():
            raise ValueError(
                f"target: holds labels outside 0 to {self.groups - 1}; relabel them, or give "
                "CircularMoments more groups"
            )
        if (counts == 0).any():
            sample, group = (int(k) for k in np.argwhere(counts == 0)[0])
            raise ValueError(
                f"target: sample {sample} has nobody in group {group}; give each group a member"
            )
        return labels.astype(np.intp)


def _as_it_is(values: Any) -> Any:
    return values


class _State(NamedTuple):
    """Sums over groups, continued to complex phases: nothing is conjugated."""

    labels: IntArray
    """(batch, k)."""
    order: Any
    """R_g, (batch, groups)."""
    powers: Any
    """e^{i m Theta_g}, (batch, groups, moments)."""
    inverse: Any
    """e^{-i m Theta_g}."""
    turn: Any
    """dTheta_g/dtheta_i of the group of i, (batch, k)."""
    grow: Any
    """d log R_g/dtheta_i, (batch, k)."""
    plain: Callable[[Any], Any]
    """Takes off the imaginary part where phases are real, as it is rounding then."""

    def of_each(self, values: Any) -> Any:
        """Of (batch, groups) that of the group of each output, (batch, k)."""
        return np.take_along_axis(values, self.labels, axis=1)

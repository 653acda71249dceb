"""The gradient by PyTorch's automatic differentiation: a witness that shares no formula with ours.

Needs the extra `neurosc[verify]`.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from neurosc import costs
from neurosc.costs import Cost, take
from neurosc.ideal import Ideal
from neurosc.learning.gradient import Gradient
from neurosc.network import Encoded, PhaseNetwork
from neurosc.parameters import is_sparse

INSTALL = "PyTorch is not installed; pip install 'neurosc[verify]' (its CPU build is enough)"


def is_installed() -> bool:
    """Whether PyTorch can be imported."""
    return importlib.util.find_spec("torch") is not None


def autograd_gradient(
    network: PhaseNetwork,
    x: npt.ArrayLike | None,
    y: npt.ArrayLike | None = None,
    *,
    cost: Cost,
) -> Gradient:
    """dL/dp in float64 through one Newton step from the detached equilibrium.

    theta(p) = theta* + H^-1 torque(theta*, p) with theta* and H detached has the equilibrium's own
    derivative, since the torque vanishes at theta*. Energy, torque, Hessian and cost are written
    once more in PyTorch. The leaves are raw parameters, so that the slope of frequencies comes out
    mean-free by itself. Samples are taken one by one, with a dense Hessian.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    RelaxationError
        If a sample does not lock.
    """
    if not is_installed():
        raise ImportError(INSTALL)
    relaxed = Ideal(tolerance=1e-12).relax(network, x).raise_for_status()
    encoded = network.encode(x, len(relaxed.phases))
    leaves = _Leaves(network)
    loss = 0.0
    for b, phases in enumerate(relaxed.phases):
        sample = Encoded(*(values[b] for values in encoded))
        seen = leaves.outputs(phases, sample)
        mine = _cost(cost, seen, take(y, [b])) / len(relaxed.phases)
        mine.backward()
        loss += float(mine.detach())
    return leaves.gradient(loss)


class _Leaves:
    """A network's parameters as PyTorch leaves, each edge once."""

    def __init__(self, network: PhaseNetwork) -> None:
        import torch

        def leaf(values: npt.ArrayLike) -> Any:
            return _tensor(np.asarray(values, dtype=np.float64)).requires_grad_()

        self.torch, self.network = torch, network
        edges = scipy.sparse.coo_array(scipy.sparse.triu(network.coupling, 1))
        self.i, self.j = (_tensor(k.astype(np.int64)) for k in edges.coords)
        self.real, self.imag = leaf(edges.data.real), leaf(edges.data.imag)
        self.frequency, self.harmonic = leaf(network.frequency), leaf(network.second_harmonic)
        self.field_real, self.field_imag = leaf(network.field.real), leaf(network.field.imag)

    def energy(self, moving: Any, phases: Any, sample: Encoded) -> Any:
        """E with `moving` in place of the free ones of `phases`."""
        torch, free = self.torch, _tensor(self.network.free)
        theta = phases.index_put((free,), moving)
        r = _tensor(sample.amplitude)
        omega = self.frequency + _tensor(sample.frequency - self.network.frequency)
        apart = theta[self.i] - theta[self.j]
        pairs = self.real * torch.cos(apart) + self.imag * torch.sin(apart)
        own = r * (self.field_real * torch.cos(theta) + self.field_imag * torch.sin(theta))
        own = own + omega * theta + 0.5 * self.harmonic * torch.cos(2 * theta)
        return -(r[self.i] * r[self.j] * pairs).sum() - own.sum()

    def outputs(self, phases: npt.NDArray[np.float64], sample: Encoded) -> Any:
        """Output phases, (1, k), as a function of the leaves, in the network's frame."""
        torch, network = self.torch, self.network
        fixed = _tensor(phases)
        start = fixed[_tensor(network.free)].requires_grad_()
        hessian = torch.autograd.functional.hessian(lambda t: self.energy(t, fixed, sample), start)
        parts = _tensor(network.parts[network.free])
        turn = (parts[:, None] == parts[None, :]) & (parts >= 0)
        hessian = hessian + turn * (hessian.abs().max() / len(parts))
        (slope,) = torch.autograd.grad(self.energy(start, fixed, sample), start, create_graph=True)
        step = torch.linalg.solve(hessian, -slope)
        theta = fixed.index_put((_tensor(network.free),), start.detach() + step)
        if network.centred:
            balance = _tensor(network.co_rotating(np.eye(network.n)))
            seen = _tensor(network.relative(phases)) + balance @ (theta - fixed)
            return seen[_tensor(network.outputs)][None]
        frame = network.frame[network.outputs]
        reference = theta[_tensor(np.maximum(frame, 0))] * _tensor(frame >= 0)
        return (theta[_tensor(network.outputs)] - reference)[None]

    def gradient(self, loss: float) -> Gradient:
        """The slopes that the leaves have gathered."""
        network, n = self.network, self.network.n

        def slope(leaf: Any) -> Any:
            return np.zeros(len(leaf)) if leaf.grad is None else leaf.grad.numpy().copy()

        i, j, values = self.i.numpy(), self.j.numpy(), slope(self.real)
        if network.is_complex:
            values = values + 1j * slope(self.imag)
        anchored = network.parts < 0
        both = np.concatenate([i, j]), np.concatenate([j, i])
        coupling: Any = scipy.sparse.csr_array(
            (np.concatenate([values, values.conj()]), both), shape=(n, n)
        )
        return Gradient(
            frequency=slope(self.frequency),
            coupling=coupling if is_sparse(network.coupling) else coupling.toarray(),
            field=anchored * (slope(self.field_real) + 1j * slope(self.field_imag)),
            second_harmonic=anchored * slope(self.harmonic),
            loss=loss,
            unlocked=0,
        )


def _tensor(values: npt.ArrayLike) -> Any:
    """A copy as a tensor of the same type."""
    import torch

    return torch.tensor(np.array(values))


def _cost(cost: Cost, seen: Any, target: Any) -> Any:
    """The cost of one sample's output phases (1, k)."""
    import torch

    if isinstance(cost, costs.SynchronyCost):
        return 1 - torch.cos(seen[0][:, None] - seen[0][None, :]).mean()
    if isinstance(cost, costs.CrossEntropy):
        k = seen.shape[1]
        v = _tensor(2 * np.eye(k, dtype=complex) if cost.weights is None else cost.weights)
        logits = (torch.exp(1j * seen) @ v.T).real
        return torch.nn.functional.cross_entropy(logits, _tensor(target))
    if isinstance(cost, costs.TargetCost):
        aims = _tensor(cost.targets(target, *seen.shape))
        if isinstance(cost, costs.CosineCost):
            return (1 - torch.cos(seen - aims)).sum()
        if isinstance(cost, costs.LogCosineCost):
            return -torch.log((1 + torch.cos(seen - aims)) / 2).sum()
        if isinstance(cost, costs.SquaredCosineCost):
            return 0.5 * ((torch.cos(seen) - aims) ** 2).sum()
    raise TypeError(f"cost: {type(cost).__name__} is not written in PyTorch; use one of neurosc's")

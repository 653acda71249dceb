"""First-order optimisers on dictionaries of arrays; complex entries count as two real ones."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import numpy as np

Arrays = dict[str, Any]


class Optimiser(Protocol):
    """Turns gradients into steps; its memory is a dictionary of arrays that can be saved."""

    def step(self, gradient: Arrays, memory: Arrays, learning_rate: float) -> tuple[Arrays, Arrays]:
        """The steps to subtract, and the new memory; the first memory is empty."""
        ...


@dataclasses.dataclass(frozen=True)
class SGD:
    """v <- momentum v + g; step = rate v.

    Parameters
    ----------
    momentum
        Share of the last step that is kept, in [0, 1).
    """

    momentum: float = 0.0

    def step(self, gradient: Arrays, memory: Arrays, learning_rate: float) -> tuple[Arrays, Arrays]:
        """See `Optimiser`."""
        if not self.momentum:
            return {k: learning_rate * g for k, g in gradient.items()}, {}
        kept = {k: self.momentum * memory.get(f"v.{k}", 0.0) + g for k, g in gradient.items()}
        return (
            {k: learning_rate * v for k, v in kept.items()},
            {f"v.{k}": v for k, v in kept.items()},
        )


@dataclasses.dataclass(frozen=True)
class Adam:
    """m <- b1 m + (1 - b1) g, q <- b2 q + (1 - b2) g^2, step = rate m' / (sqrt(q') + eps).

    Primes mark the bias-corrected means. Source: Kingma, Ba, arXiv 1412.6980 (2014).
    """

    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8

    def step(self, gradient: Arrays, memory: Arrays, learning_rate: float) -> tuple[Arrays, Arrays]:
        """See `Optimiser`."""
        t = int(memory.get("t", 0)) + 1
        steps: Arrays = {}
        kept: Arrays = {"t": np.asarray(t)}
        for name, g in gradient.items():
            m = self.b1 * memory.get(f"m.{name}", 0.0) + (1 - self.b1) * g
            q = self.b2 * memory.get(f"q.{name}", 0.0) + (1 - self.b2) * _squares(g)
            step = _divide(m / (1 - self.b1**t), q / (1 - self.b2**t), self.eps)
            steps[name], kept[f"m.{name}"], kept[f"q.{name}"] = learning_rate * step, m, q
        return steps, kept


def _squares(g: Any) -> Any:
    return g.real**2 + 1j * g.imag**2 if np.iscomplexobj(g) else g**2


def _divide(m: Any, q: Any, eps: float) -> Any:
    if np.iscomplexobj(m):
        real = m.real / (np.sqrt(q.real) + eps)
        return real + 1j * m.imag / (np.sqrt(q.imag) + eps)
    return m / (np.sqrt(q) + eps)


def by_name(name: str | Optimiser) -> Optimiser:
    """`"adam"`, `"sgd"`, or an optimiser as it is."""
    if not isinstance(name, str):
        return name
    known: dict[str, Optimiser] = {"adam": Adam(), "sgd": SGD()}
    if name not in known:
        raise ValueError(f"optimiser: {name!r} is unknown; use one of {sorted(known)}")
    return known[name]

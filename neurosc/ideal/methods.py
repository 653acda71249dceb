"""The methods that find an equilibrium, and which one suits a problem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from neurosc.ideal.blocks import blocks
from neurosc.ideal.lanes import LARGEST, lanes
from neurosc.ideal.newton import newton
from neurosc.ideal.pcg import pcg
from neurosc.ideal.reduction import Reduction
from neurosc.ideal.sparse import adaptive_newton, amg_newton, direct_newton, sparse_newton
from neurosc.parameters import is_sparse
from neurosc.substrate import Relaxation

Method = Literal["auto", "lanes", "newton", "pcg", "blocks", "sparse", "amg", "direct", "steps"]
Solver = Callable[[Reduction, float, int], Relaxation]
SOLVERS: dict[str, Solver] = {
    "lanes": lanes,
    "newton": newton,
    "pcg": pcg,
    "blocks": blocks,
    "sparse": sparse_newton,
    "amg": amg_newton,
    "direct": direct_newton,
}
"""The methods that find the equilibrium itself, by name."""
TOLERANCE = 1e-10
"""Their default."""
SPARSE_FROM = 400
"""Free oscillators of a sparse network above which its edges are used one by one."""


def choose(problem: Reduction) -> Solver:
    """The fastest method for a problem: it depends on the network, never on the batch."""
    m = len(problem.parts)
    if is_sparse(problem.members[0]) and m > SPARSE_FROM:
        return adaptive_newton
    return lanes if m <= LARGEST else pcg

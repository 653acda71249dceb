"""The methods of gradients by name, and which of them can be right."""

from __future__ import annotations

import inspect
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from neurosc.costs import Cost
from neurosc.coupling_map.adjoint import adjoint_slope
from neurosc.coupling_map.implicit import implicit_slope
from neurosc.coupling_map.instances import Instances
from neurosc.coupling_map.slope import CouplingSlope
from neurosc.coupling_map.spsa import spsa_slope
from neurosc.coupling_map.two_phase import two_phase_slope
from neurosc.randomness import RNG
from neurosc.substrate import Substrate

Method = Literal["two-phase", "adjoint", "implicit", "spsa"]
PHYSICAL = ("two-phase", "spsa")
"""Methods that need nothing of a substrate but its relaxations."""


def coupling_slope(
    coupling: npt.ArrayLike,
    instances: Instances,
    *,
    cost: Cost,
    gradient: Method = "two-phase",
    on: Substrate | None = None,
    rng: RNG = None,
    clip: float | None = None,
    **options: Any,
) -> CouplingSlope:
    """dC/dK of each network by one of the methods.

    Parameters
    ----------
    coupling, instances, cost, rng
        See `two_phase_slope`.
    gradient
        - `"two-phase"`: two relaxations, on any substrate; symmetric couplings, no delays;
        - `"adjoint"`: through the steps of a run; for transients, delays and networks that drift;
        - `"implicit"`: at locked states; for delays and couplings of two directions too;
        - `"spsa"`: relaxations with all couplings perturbed at once, on any substrate.
    on
        The substrate of `"two-phase"` and `"spsa"`; `Ideal()` unless given.

    Other arguments
    ---------------
    clip
        Longest |dC/dK| of a network; longer ones are shortened to it. Adjoints of runs that are
        chaotic grow without bound, and one would fill Adam's memory for good. None for no bound.
    options
        Keyword arguments of `two_phase_slope`, `adjoint_slope`, `implicit_slope` or `spsa_slope`.

    Raises
    ------
    TypeError
        For an option that the method does not have, and one that it needs and did not get.
    ValueError
        For an unknown method, and where the chosen one cannot be right.
    """
    if gradient not in get_args(Method):
        raise ValueError(f"gradient: {gradient!r} is unknown; use one of {get_args(Method)}")
    if clip is not None and not 0 < clip < np.inf:
        raise ValueError(f"clip: {clip} is not a positive number; give a length, or None")
    if gradient in PHYSICAL:
        options["on"] = on
    elif on is not None:
        raise ValueError(
            f"on: the {gradient} gradient is computed from the model, not measured on a "
            f"substrate; leave on= out, or use one of {PHYSICAL}"
        )
    methods: dict[str, Any] = {
        "two-phase": two_phase_slope,
        "adjoint": adjoint_slope,
        "implicit": implicit_slope,
        "spsa": spsa_slope,
    }
    known = set(inspect.signature(methods[gradient]).parameters) - {"coupling", "instances"}
    if wrong := set(options) - known:
        raise TypeError(
            f"options: {sorted(wrong)} of the {gradient} gradient are unknown; it has "
            f"{sorted(known - {'cost', 'on', 'rng'})}"
        )
    found: CouplingSlope = methods[gradient](coupling, instances, cost=cost, rng=rng, **options)
    return found if clip is None else found.clipped(clip)

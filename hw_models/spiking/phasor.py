"""Trained phasor nets as spiking resonators in Brian2, one spike a cycle."""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from neurosc.network import FloatArray, IntArray
from neurosc.phasor import PhasorMLP, real_to_phasor
from neurosc.phasor.quantization import Quantization
from neurosc.randomness import RNG, seed_sequence, substream

Form = Literal["gated", "quadrature"]
GATED_STEPS = 16
"""Steps of a cycle whose events are exact: how many does not matter."""
CHUNK = 64
"""Samples that are simulated together."""


class SpikingRun(NamedTuple):
    """What a spiking net made of samples."""

    logits: FloatArray
    """(batch, classes)."""
    phases: list[FloatArray]
    """Of the inputs and each hidden layer, (batch, units), as their last spikes tell; NaN marks
    units that did not spike."""


@dataclasses.dataclass(frozen=True)
class SpikingPhasors:
    """A phasor net in spikes: z' = (-lambda - i w) z, w = 2 pi a cycle, and a unit spikes where its
    resonator passes the positive real axis.

    Parameters
    ----------
    net
        The net.
    form
        - `"gated"`: a layer integrates for one cycle, when each spike adds W to z, spikes in the
          next one, and is reset. A spike at phase theta comes t = (theta + pi) / w after the cycle
          begins, so at its end z = -sum W e^{i theta}: exact without leak;
        - `"quadrature"`: all layers run without end, as continuous hardware does. A spike adds Re W
          at once and Im W a quarter of a cycle later: W e^{i theta} = Re W s(t) + Im W s(t - T/4).
          The error is O(lambda T): the leak weighs late spikes more.
    bins
        T, steps of a cycle, on which all spikes lie: the nearest-bin code of `phase_to_spikes`.
        None, in the gated form: events between the steps, exact to rounding.
    leak
        lambda, in units of 1/cycle.
    jitter
        Standard deviation of a spike's time, cycles.
    dropout
        Share of spikes that are lost.
    quantize
        What becomes of the weights, such as `Polar(3)`.

    Raises
    ------
    ValueError
        For settings out of range, and bins that are no multiple of 4 in the quadrature form.

    Notes
    -----
    Jitter and dropout strike the inputs and all hidden layers. Source of the resonator: Izhikevich,
    Neural Networks 14, 883 (2001); of the code: Frady, Sommer, PNAS 116, 18050 (2019).
    """

    net: PhasorMLP
    form: Form = "gated"
    bins: int | None = None
    leak: float = 0.0
    jitter: float = 0.0
    dropout: float = 0.0
    quantize: Quantization | None = None

    def __post_init__(self) -> None:
        if self.form not in get_args(Form):
            raise ValueError(f"form: {self.form!r} is unknown; use one of {get_args(Form)}")
        if self.bins is not None and (int(self.bins) != self.bins or self.bins < 2):
            raise ValueError(f"bins: {self.bins} cannot hold a phase; give 2 or more")
        if not 0 <= self.jitter < np.inf:
            raise ValueError(f"jitter: {self.jitter} is no width; give cycles, 0 or more")
        if not 0 <= self.dropout <= 1:
            raise ValueError(f"dropout: {self.dropout} is outside 0 to 1; give a share of spikes")
        if not 0 <= self.leak < np.inf:
            raise ValueError(f"leak: {self.leak} is no rate; give 1/cycle, 0 or more")
        if self.form == "quadrature":
            if self.bins is None or self.bins % 4:
                raise ValueError(
                    f"bins: {self.bins} steps have no quarter; give a multiple of 4 for the "
                    "quadrature form, such as 32"
                )
            if self.leak == 0:
                raise ValueError(
                    "leak: resonators without one never settle in the quadrature form; give "
                    "1/cycle, such as 0.05"
                )

    @property
    def steps(self) -> int:
        """Of a cycle."""
        return GATED_STEPS if self.bins is None else int(self.bins)

    def run(self, x: npt.ArrayLike, *, rng: RNG = None) -> SpikingRun:
        """Logits and phases of samples x (batch, inputs).

        Parameters
        ----------
        x
            Samples.
        rng
            Random numbers; those of a sample do not depend on the rest of the batch.
        """
        from neurosc.hw_models.spiking.phasor_circuit import simulate

        z = real_to_phasor(x, self.net.encoding.scale)
        if z.ndim != 2 or z.shape[1] != self.net.sizes[0]:
            raise ValueError(f"x: shape {z.shape} does not fit; give (batch, {self.net.sizes[0]})")
        net = self.net if self.quantize is None else self.quantize(self.net)
        root = seed_sequence(rng)
        draws = [np.random.default_rng(substream(root, "sample", k)) for k in range(len(z))]
        parts = [
            simulate(self, net, z[a : a + CHUNK], draws[a : a + CHUNK])
            for a in range(0, len(z), CHUNK)
        ]
        logits = np.concatenate([part.logits for part in parts])
        layers = zip(*(part.phases for part in parts), strict=True)
        return SpikingRun(logits, [np.concatenate(layer) for layer in layers])

    def predict(self, x: npt.ArrayLike, *, rng: RNG = None) -> IntArray:
        """The class of the largest logit, (batch,)."""
        return np.asarray(np.argmax(self.run(x, rng=rng).logits, axis=1), dtype=np.intp)

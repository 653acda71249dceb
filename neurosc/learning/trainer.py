"""One training run: its settings, and its passes through the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np

from neurosc.costs import Cost, CrossEntropy, check_labels
from neurosc.datasets import Dataset
from neurosc.ideal import Ideal
from neurosc.ideal.sweeps import Sweeps
from neurosc.learning.bounds import Bounds
from neurosc.learning.energy_model import Array, Arrays, EnergyModel
from neurosc.learning.layered_model import LayeredModel
from neurosc.learning.optimisers import Optimiser, by_name
from neurosc.learning.phase_model import PhaseModel
from neurosc.learning.selection import READOUT, Learn, Rate, Selection
from neurosc.learning.two_phase import (
    Scheme,
    TwoPhases,
    Unsettled,
    a_model,
    check_periodic,
    two_phases,
)
from neurosc.network import FloatArray, IntArray, PhaseNetwork
from neurosc.randomness import RNG, stream, substream
from neurosc.substrate import RelaxationError, Substrate, Technology, a_substrate

Schedule = Literal["cosine", "constant"]
UPDATES_AT_ONCE = 20_000
"""Of a compiled run that nobody watches."""
DIVERGED = "learning diverged; lower learning_rate or set bounds="


@dataclasses.dataclass(frozen=True, eq=False)
class Learner:
    """What changes while a model learns.

    Attributes
    ----------
    model, cost
        The model, and the cost with the read-out as it is now.
    memory
        The optimiser's.
    states
        Where the first relaxation of each training sample ended, (samples, ...), NaN for those that
        have none; None if nothing is remembered.
    """

    model: EnergyModel
    cost: Cost
    memory: Arrays
    states: Array | None = None

    @property
    def network(self) -> Any:
        """The model as the user gave it: a network, or itself."""
        return getattr(self.model, "network", self.model)


@dataclasses.dataclass(frozen=True)
class Trainer:
    """The settings of one run, which decide its course together with data and random root."""

    cost: Cost
    epochs: int
    selection: Selection
    on: Substrate | Technology | None
    """None for a model that relaxes by itself."""
    beta: float
    scheme: Scheme
    batch_size: int
    optimiser: Optimiser
    schedule: Schedule
    bounds: Bounds | None
    frozen: bool
    random_sign: bool
    remember: bool
    unsettled: Unsettled

    def __post_init__(self) -> None:
        if self.epochs < 0 or int(self.epochs) != self.epochs:
            raise ValueError(f"epochs: {self.epochs} is no number of epochs; give an int >= 0")
        if self.batch_size < 1:
            raise ValueError(f"batch_size: {self.batch_size} holds no sample; give 1 or more")
        if self.schedule not in get_args(Schedule):
            raise ValueError(
                f"schedule: {self.schedule!r} is unknown; use one of {get_args(Schedule)}"
            )
        if self.random_sign and self.scheme != "one-sided":
            raise ValueError(
                f'random_sign: the {self.scheme} scheme has no sign to draw; use scheme="one-sided"'
            )

    @classmethod
    def of(
        cls,
        network: PhaseNetwork | EnergyModel,
        data: Dataset,
        *,
        cost: Cost,
        on: Substrate | Technology | None,
        learn: Learn | None,
        learning_rate: Rate | Mapping[str, Rate],
        weight_decay: float | Mapping[str, float],
        optimiser: Literal["adam", "sgd"] | Optimiser,
        **settings: Any,
    ) -> Trainer:
        """What the settings of `fit` stand for in a network, which data and labels must fit."""
        if isinstance(network, PhaseNetwork):
            on = on if isinstance(on, Technology) else a_substrate(Ideal() if on is None else on)
            check_periodic(cost)
        elif on is not None:
            raise ValueError("on: an energy model relaxes by itself; leave it out")
        else:
            a_model(network)
        trainer = cls(
            cost=cost,
            on=on,
            selection=Selection.of(network, cost, learn, learning_rate, weight_decay),
            optimiser=by_name(optimiser),
            **settings,
        )
        trainer._check_bounds(network)
        n_outputs = network.n_outputs if isinstance(network, EnergyModel) else network.outputs.size
        if isinstance(network, PhaseNetwork):
            network.encode(data.x[:1])  # samples of the wrong width are the first thing to be told
        check_labels(data.y, len(data.y), cost.classes(int(n_outputs)))
        return trainer

    def _check_bounds(self, network: PhaseNetwork | EnergyModel) -> None:
        if self.bounds is None:
            return
        if not isinstance(network, PhaseNetwork):
            raise ValueError("bounds: are those of phase networks; leave them out")
        still = "coupling" not in self.selection.names or "coupling" in self.selection.masks
        if self.bounds.strength is not None and still:
            raise ValueError(
                "bounds: strength scales all couplings of an oscillator, also those that learn= "
                "holds still; let all couplings learn or leave strength out"
            )

    def learner(self, network: PhaseNetwork | EnergyModel) -> Learner:
        """The beginning of a run."""
        return Learner(self._model(network), self.cost, {})

    def _model(self, network: PhaseNetwork | EnergyModel) -> EnergyModel:
        if not isinstance(network, PhaseNetwork):
            return network
        names = self.selection.of_model
        if "lag" in names and not network.is_complex:
            network = network.with_parameters(coupling=network.coupling.astype(np.complex128))
        if isinstance(self.on, Sweeps) and not self.frozen:
            return LayeredModel.of(network, self.on, names)
        # a technology makes the substrate of each update
        return PhaseModel(network, self.on if isinstance(self.on, Substrate) else Ideal(), names)

    def stride(self, data: Dataset) -> int:
        """How many epochs nobody needs to watch one by one."""
        return max(1, UPDATES_AT_ONCE // len(data.y))

    def rate(self, epochs_done: FloatArray) -> FloatArray:
        """The largest learning rates after so many epochs."""
        largest = self.selection.largest
        if self.schedule == "constant":
            return np.full(epochs_done.shape, largest)
        return np.asarray(0.5 * largest * (1 + np.cos(np.pi * epochs_done / self.epochs)))

    def epoch(
        self, learner: Learner, data: Dataset, epoch: int, root: np.random.SeedSequence
    ) -> tuple[Learner, dict[str, float]]:
        """One pass, batch by batch."""
        order = self.orders(data, range(epoch, epoch + 1), root)[0]
        selection = self.selection.arranged(learner.model)
        states = None if learner.states is None else learner.states.copy()
        learner = dataclasses.replace(learner, states=states)
        batches = [order[a : a + self.batch_size] for a in range(0, len(order), self.batch_size)]
        loss, unlocked, used = 0.0, 0, 0
        for b, index in enumerate(batches):
            rng = substream(root, "updates", epoch, b)
            x, y = data.rows(index)
            x.flags.writeable = False
            try:
                found, slopes = self.gradient(learner, x, y, rng, self._start(learner, index))
            except RelaxationError:
                unlocked += len(index)
                if unlocked == len(order):
                    raise
                continue
            learner = self._remember(learner, found, index, len(order))
            learner = self.update(learner, slopes, epoch + b / len(batches), selection)
            part = int(found.part.sum())
            loss += found.loss * part
            used += part
            unlocked += found.unlocked
        return learner, self.row(epoch, loss / max(1, used), unlocked / len(order))

    def gradient(
        self,
        learner: Learner,
        x: Array,
        y: Array,
        rng: RNG = None,
        start: Array | None = None,
    ) -> tuple[TwoPhases, Arrays]:
        """The gradient of one batch: its states, and slopes by the names of what learns."""
        model, cost = learner.model, learner.cost
        if isinstance(self.on, Technology) and isinstance(model, PhaseModel):
            chip = self.on.fabricate(model.network, rng=substream(rng, "update's chip"))[0]
            model = dataclasses.replace(model, on=chip)
        sign = -1 if self.random_sign and stream(rng, "sign").random() < 0.5 else 1
        found = two_phases(
            model,
            x,
            y,
            cost=cost,
            beta=sign * self.beta,
            scheme=self.scheme,
            frozen=self.frozen,
            unsettled=self.unsettled,
            rng=rng,
            start=start,
        )
        slopes = found.parameter_gradient(model, x) if self.selection.of_model else {}
        if READOUT in self.selection.names and isinstance(cost, CrossEntropy):
            each = [cost.weights_gradient(seen, y[found.part]) for seen in found.seen]
            slopes[READOUT] = np.mean(each, axis=0)
        return found, {name: slopes[name] for name in self.selection.names}

    def _start(self, learner: Learner, index: IntArray) -> Array | None:
        """The remembered states of some samples, None unless all have one."""
        if learner.states is None:
            return None
        states = learner.states[index]
        return states if np.isfinite(states).all() else None

    def _remember(
        self, learner: Learner, found: TwoPhases, index: IntArray, samples: int
    ) -> Learner:
        if not self.remember:
            return learner
        states, new = learner.states, found.first.state
        if states is None:
            states = np.full((samples, *new.shape[1:]), np.nan, dtype=new.dtype)
            learner = dataclasses.replace(learner, states=states)
        states[index] = np.where(found.part.reshape(-1, *[1] * (new.ndim - 1)), new, np.nan)
        return learner

    def row(self, epoch: int, loss: float, unlocked: float) -> dict[str, float]:
        """One epoch of the history."""
        rate = float(self.rate(np.array(epoch)))
        return {"epoch": epoch + 1, "learning_rate": rate, "loss": loss, "unlocked": unlocked}

    def orders(self, data: Dataset, span: range, root: np.random.SeedSequence) -> list[IntArray]:
        """The order of the samples in each epoch."""
        return [stream(root, "order", epoch).permutation(len(data.y)) for epoch in span]

    def update(
        self, learner: Learner, slopes: Arrays, epochs_done: float, selection: Selection
    ) -> Learner:
        """One step of the optimiser, kept within the bounds; `selection` is that of the model."""
        for name, mask in selection.masks.items():
            slopes[name] = slopes[name] * mask
        rate = float(self.rate(np.array(epochs_done)))
        steps, memory = self.optimiser.step(slopes, learner.memory, rate)
        old = learner.model.parameters
        if READOUT in steps and isinstance(learner.cost, CrossEntropy):
            old = old | {READOUT: learner.cost.matrix(learner.model.n_outputs)}
        for name, decay in selection.decay.items():
            shrunk = rate * decay * old[name]
            if name in selection.masks:
                shrunk = shrunk * selection.masks[name]
            steps[name] = steps[name] + shrunk
        for name, share in selection.rates.items():
            steps[name] = steps[name] * share
        with np.errstate(over="ignore", invalid="ignore"):
            finite = all(np.isfinite(np.sum(step)) for step in steps.values())
        if not finite:
            raise FloatingPointError(DIVERGED)
        new = {name: old[name] - step for name, step in steps.items()}
        cost = CrossEntropy(new.pop(READOUT)) if READOUT in new else learner.cost
        model = learner.model.with_parameters(**new) if new else learner.model
        if self.bounds is not None and isinstance(model, LayeredModel):
            model = model.bounded(self.bounds)
        elif self.bounds is not None and isinstance(model, PhaseModel):
            model = dataclasses.replace(model, network=self.bounds.apply(model.network))
        return dataclasses.replace(learner, model=model, cost=cost, memory=memory)

"""Chips that came out of a fabrication: substrates."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
import numpy.typing as npt

from neurosc.hw_models.terms.base import DriftTerm, InputTerm, NetworkTerm, ReadoutTerm, Site
from neurosc.hw_models.terms.edges import Directed
from neurosc.hw_models.terms.memristor import ArrayTerm, Conductances
from neurosc.ideal.ensemble import gather, starts
from neurosc.ideal.reduction import Request
from neurosc.network import FloatArray, PhaseNetwork, phasors
from neurosc.parameters import is_sparse
from neurosc.randomness import RNG, seed_sequence, stream, substream
from neurosc.substrate import Nudge, Relaxation

if TYPE_CHECKING:
    from neurosc.hw_models.device import Device


@dataclasses.dataclass(frozen=True, eq=False)
class Chip:
    """One fabricated chip: a substrate, and an immutable value.

    Attributes
    ----------
    device, n, number
        Its kind, its number of oscillators, and its own number among the chips made with it.
    root
        The random root of its frozen draws.
    time_s
        Seconds since it was programmed.
    run
        Number of the run: what varies per run is the same in all relaxations of one.
    writing
        How often the same couplings were written before.
    """

    device: Device
    n: int
    number: int
    root: np.random.SeedSequence
    time_s: float = 0.0
    run: int = 0
    writing: int = 0

    def at(
        self, *, time_s: float | None = None, run: int | None = None, writing: int | None = None
    ) -> Self:
        """This chip at another time after programming, in another run, or written once more.

        What is left out stays as it is.

        Raises
        ------
        ValueError
            Where nothing of the device depends on it.
        """
        changes: dict[str, Any] = {}
        acting = self.device.acting
        if time_s is not None:
            ages = any(isinstance(t, ArrayTerm) and t.ages for t in acting)
            self._require("time_s", ages, "with time")
            if not 0 <= time_s < np.inf:
                raise ValueError(f"time_s: {time_s} is no time after programming; give s >= 0")
            changes["time_s"] = float(time_s)
        if run is not None:
            self._require("run", any(t.scope == "per run" for t in acting), "per run")
            changes["run"] = _whole("run", run)
        if writing is not None:
            written = any(isinstance(t, ArrayTerm) and t.scope == "frozen" for t in acting)
            self._require("writing", written, "on what is written")
            changes["writing"] = _whole("writing", writing)
        if not changes:
            raise ValueError("at: nothing is given; give time_s=, run= or writing=")
        return dataclasses.replace(self, **changes)

    def _require(self, name: str, found: bool, what: str) -> None:
        if not found:
            raise ValueError(
                f"{name}: no term of the device acts {what}, so it changes nothing; leave it out"
            )

    def program(self, network: PhaseNetwork) -> PhaseNetwork:
        """The network that this chip realises when it is asked for `network`.

        As it stands between relaxations: what is drawn in each, such as read noise, is left out,
        and so is what no network can have, as it is not the gradient of an energy, such as lags.
        Terms act on `network` as it is given, so programming what a chip realised would apply
        them twice.
        """
        return self._realise(self._site(network, None))

    def _realise(self, site: Site) -> PhaseNetwork:
        network = site.asked
        if network.n != self.n:
            raise ValueError(
                f"network: has {network.n} oscillators, the chip {self.n}; fabricate one that fits"
            )
        for term in self.device.acting:
            term.check_network(network)
        realised = network
        for _, group in groupby(self.device.acting, lambda term: isinstance(term, ArrayTerm)):
            terms = list(group)
            array = [term for term in terms if isinstance(term, ArrayTerm)]
            realised = _held(realised, site, array) if array else realised
            for term in terms:
                if isinstance(term, NetworkTerm):
                    realised = term.on_network(realised, site)
        return realised

    def _request(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None,
        nudge: Nudge | None,
        start: npt.ArrayLike | None,
        own: np.random.SeedSequence | None,
    ) -> Request:
        """What is to be relaxed when this chip is asked for `network`."""
        site = self._site(network, own)
        realised = self._realise(site)
        terms = [t for t in self.device.acting if isinstance(t, DriftTerm)]
        if not terms:
            return Request(realised, x, nudge, start)
        both = (2, site.pairs.i.size)
        directed = Directed(gain=np.ones(both), lag=np.zeros(both))
        for term in terms:
            directed = term.on_directed(directed, site)
        drift = directed.drift(network.coupling, site.pairs, site.values(realised))
        if directed.response != 1:
            realised = realised.replace(field=directed.response * realised.field)
        return Request(realised, x, nudge, start, drift)

    def _site(self, network: PhaseNetwork, relaxation: np.random.SeedSequence | None) -> Site:
        written = network.coupling.data if is_sparse(network.coupling) else network.coupling
        word = zlib.crc32(network.field.tobytes(), zlib.crc32(written.tobytes()))
        return Site(
            asked=network,
            coupling_rad_per_s=self.device.coupling_rad_per_s,
            root=self.root,
            number=self.number,
            writing=(word, self.writing),
            time_s=self.time_s,
            run=self.run,
            relaxation=relaxation,
        )

    def relax(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Relaxation:
        """Relax `network` as this chip realises it; see `Substrate`.

        With phase noise, and with what leaves it without an energy, the chip runs through time,
        from phase 0 unless `start` says otherwise; else it is at the equilibrium of its own
        parameters.
        """
        own = self._dynamic(rng)
        request = self._request(network, _entered(self.device, network, x), nudge, start, own)
        found = self.device.substrate.relax_requests([request], [own], self.device.flicker)
        return self._read(network, _row(found, 0), own)

    def _dynamic(self, rng: RNG) -> np.random.SeedSequence | None:
        """The root of what is drawn in one relaxation; None where nothing is."""
        return substream(rng, "chip", self.number) if self.device.is_dynamic else None

    def _read(
        self, network: PhaseNetwork, found: Relaxation, own: np.random.SeedSequence | None
    ) -> Relaxation:
        """What the read-out makes of the phases."""
        terms = [t for t in self.device.acting if isinstance(t, ReadoutTerm)]
        if not terms:
            return found

        def read(k: int) -> FloatArray:
            phases = found.phases
            for term in terms:
                phases = term.on_phases(phases, stream(own, type(term).__name__, k))
            return phases

        phases = read(0)
        if self.device.reads > 1:
            mean = phasors(phases)
            for k in range(1, self.device.reads):
                mean += phasors(read(k))
            phases = np.asarray(np.angle(mean), dtype=np.float64)
        return dataclasses.replace(found, phases=network.gauge(phases))

    def __repr__(self) -> str:
        state = [f"root {self.root.entropy} {self.root.spawn_key}"]  # of two chips none is alike
        if self.time_s or self.run or self.writing:
            state.append(f"time_s={self.time_s:g}, run={self.run}, writing={self.writing}")
        return f"Chip({self.number} of {self.device!r}, {', '.join(state)})"


def _whole(name: str, value: int) -> int:
    if isinstance(value, bool) or int(value) != value or value < 0:
        raise ValueError(f"{name}: {value} is no whole number >= 0; give one")
    return int(value)


@dataclasses.dataclass(frozen=True, eq=False)
class Chips(Sequence[Chip]):
    """Chips of one device; as a substrate, all at once with a leading axis (chips,)."""

    chips: tuple[Chip, ...]

    @overload
    def __getitem__(self, index: int) -> Chip: ...
    @overload
    def __getitem__(self, index: slice) -> Chips: ...
    def __getitem__(self, index: int | slice) -> Chip | Chips:
        if isinstance(index, slice):
            return Chips(self.chips[index])
        return self.chips[index]

    def __len__(self) -> int:
        return len(self.chips)

    def __iter__(self) -> Iterator[Chip]:
        return iter(self.chips)

    def at(
        self, *, time_s: float | None = None, run: int | None = None, writing: int | None = None
    ) -> Chips:
        """These chips at another time, in another run, or written once more; see `Chip.at`."""
        each = (chip.at(time_s=time_s, run=run, writing=writing) for chip in self.chips)
        return Chips(tuple(each))

    def relax(
        self,
        network: PhaseNetwork,
        x: npt.ArrayLike | None = None,
        *,
        nudge: Nudge | None = None,
        start: npt.ArrayLike | None = None,
        rng: RNG = None,
    ) -> Relaxation:
        """Relax on every chip: phases (chips, batch, n). Each has its own dynamic noise."""
        if not self.chips:
            raise ValueError("chips: there are none; fabricate at least one")
        device = self.chips[0].device
        root = seed_sequence(rng) if device.is_dynamic else None
        own = [chip._dynamic(root) for chip in self.chips]
        seen = _entered(device, network, x)
        each = zip(self.chips, starts(start, len(self.chips)), own, strict=True)
        requests = [chip._request(network, seen, nudge, first, o) for chip, first, o in each]
        found = device.substrate.relax_requests(requests, own, device.flicker)
        return gather(
            [chip._read(network, _row(found, k), own[k]) for k, chip in enumerate(self.chips)]
        )

    def __repr__(self) -> str:
        return f"Chips({len(self.chips)} of {self.chips[0].device!r})" if self.chips else "Chips()"


def _held(network: PhaseNetwork, site: Site, terms: Sequence[ArrayTerm]) -> PhaseNetwork:
    """What memristive cells hold of a network; outside of a relaxation nothing reads them."""
    if site.relaxation is None:
        terms = [term for term in terms if term.scope != "dynamic"]
    if not terms:
        return network
    cells = Conductances.written(terms[0].cell, network, site)
    for term in terms:
        cells = dataclasses.replace(cells, present=term.on_cells(cells, site))
        if not term.ages:
            cells = dataclasses.replace(cells, programmed=cells.present)
    return cells.on(network, site)


def _entered(
    device: Device, network: PhaseNetwork, x: npt.ArrayLike | None
) -> npt.ArrayLike | None:
    """The samples as they enter the chip."""
    terms = [t for t in device.acting if isinstance(t, InputTerm)]
    if not terms:
        return x
    network.encode(x)  # samples that do not fit are told before they are converted
    entered = np.atleast_2d(np.asarray(x, dtype=np.float64))
    for term in terms:
        entered = term.on_inputs(entered)
    return entered


def _row(found: Relaxation, chip: int) -> Relaxation:
    """That of one chip."""
    first, reasons = chip * found.status.shape[1], found.reasons
    own = None if reasons is None else (lambda sample: reasons(first + sample))
    error = None if found.standard_error is None else found.standard_error[chip]
    return Relaxation(found.phases[chip], found.status[chip], found.residual[chip], own, error)

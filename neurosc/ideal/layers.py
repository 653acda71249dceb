"""The layers of a network, and its couplings as one block for each pair of neighbours."""

from __future__ import annotations

import dataclasses
import itertools
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.network import IntArray, PhaseNetwork
from neurosc.parameters import is_sparse


def depths(network: PhaseNetwork) -> IntArray:
    """Shape (n,): steps along edges from what stands still or, where all move, from the inputs.

    -1 for oscillators that no such path reaches.
    """
    depth = np.full(network.n, -1, dtype=np.intp)
    front = network.fixed if network.fixed.size else network.inputs
    step = 0
    while front.size:
        depth[front] = step
        near = np.asarray(abs(network.coupling[front]).sum(axis=0)).ravel() > 0
        front, step = np.flatnonzero(near & (depth < 0)), step + 1
    return depth


@dataclasses.dataclass(frozen=True, eq=False)
class Layers:
    """Which oscillators are in which layer, and how what belongs to them lies in memory.

    Attributes
    ----------
    members
        Oscillators of each layer; layer 0 stands still.
    absent
        Where in a flat vector of couplings there is no edge.
    """

    members: tuple[IntArray, ...]
    absent: IntArray = dataclasses.field(default_factory=lambda: np.zeros(0, dtype=np.intp))

    @classmethod
    def of(cls, network: PhaseNetwork) -> Layers:
        """The layers of a network.

        Raises
        ------
        ValueError
            If its edges join anything but neighbouring layers, outputs are not in the last one or
            measured from another oscillator, or nothing stands still; and for sparse couplings.
        """
        remedy = "relax it with Ideal()"
        if is_sparse(network.coupling):
            raise ValueError(f"network: has sparse couplings, and sweeps take dense ones; {remedy}")
        depth = depths(network)
        if not network.fixed.size or depth.min() < 0:
            raise ValueError(f"network: no held layer drives every oscillator; {remedy}")
        i, j = np.nonzero(network.coupling)
        skips = (np.abs(depth[i] - depth[j]) != 1) & ((depth[i] > 0) | (depth[j] > 0))
        if skips.any():
            k = int(np.argmax(skips))
            raise ValueError(
                f"network: the edge between oscillators {i[k]} and {j[k]} joins no neighbouring "
                f"layers; {remedy}"
            )
        if (depth[network.outputs] != depth.max()).any():
            raise ValueError(f"network: outputs lie in several layers; {remedy}")
        if (network.frame[network.outputs] >= 0).any():
            raise ValueError(f"network: outputs are measured from another oscillator; {remedy}")
        layers = cls(tuple(np.flatnonzero(depth == d) for d in range(int(depth.max()) + 1)))
        absent = np.flatnonzero(layers.pack(network.coupling) == 0)
        return dataclasses.replace(layers, absent=absent)

    @cached_property
    def sizes(self) -> list[int]:
        """Oscillators per layer."""
        return [each.size for each in self.members]

    @cached_property
    def free(self) -> IntArray:
        """The oscillators that move, layer by layer."""
        return np.concatenate(self.members[1:])

    @cached_property
    def columns(self) -> list[slice]:
        """Where each layer that moves lies among `free`."""
        ends = np.cumsum([0, *self.sizes[1:]]).tolist()
        return [slice(a, b) for a, b in itertools.pairwise(ends)]

    def pack(self, matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Of a matrix (n, n) what belongs to the edges, a flat vector: block after block.

        Block l has a row for each oscillator of layer l + 1, and a column for each of layer l.
        """
        pairs = zip(self.members[1:], self.members[:-1], strict=True)
        return np.concatenate([matrix[np.ix_(*pair)].ravel() for pair in pairs])

    def blocks(self, flat: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Views of the blocks in a flat vector."""
        shapes = list(zip(self.sizes[1:], self.sizes[:-1], strict=True))
        ends = np.cumsum([0, *(rows * columns for rows, columns in shapes)]).tolist()
        parts = zip(ends[:-1], ends[1:], shapes, strict=True)
        return [flat[a:b].reshape(shape) for a, b, shape in parts]

    def unpack(self, flat: npt.NDArray[Any], matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A copy of a Hermitian matrix (n, n) with other edges."""
        out = matrix.astype(np.result_type(matrix, flat, np.float64))
        pairs = zip(self.blocks(flat), self.members[1:], self.members[:-1], strict=True)
        for block, rows, columns in pairs:
            out[np.ix_(rows, columns)] = block
            out[np.ix_(columns, rows)] = block.conj().T
        return out

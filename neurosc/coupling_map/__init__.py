"""Couplings learned from the features of oscillators, for networks that were never seen."""

from neurosc.coupling_map.instances import Instances
from neurosc.coupling_map.map import CouplingMap, networks
from neurosc.coupling_map.pairs import Nearest
from neurosc.coupling_map.slope import CouplingSlope

__all__ = ["CouplingMap", "CouplingSlope", "Instances", "Nearest", "networks"]

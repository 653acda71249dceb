"""Couplings learned from the features of oscillators, for networks that were never seen."""

from neurosc.coupling_map import experiments
from neurosc.coupling_map.adjoint import adjoint_slope
from neurosc.coupling_map.direct import direct_couplings
from neurosc.coupling_map.dynamics import trajectories
from neurosc.coupling_map.evaluation import (
    Scores,
    coupling_correlation,
    evaluate_couplings,
    evaluate_runs,
    hebbian_couplings,
    uniform_couplings,
)
from neurosc.coupling_map.implicit import implicit_slope
from neurosc.coupling_map.instances import Instances
from neurosc.coupling_map.map import CouplingMap, networks
from neurosc.coupling_map.pairs import Nearest
from neurosc.coupling_map.pictures import Picture
from neurosc.coupling_map.slope import CouplingSlope
from neurosc.coupling_map.slopes import coupling_slope
from neurosc.coupling_map.sources import Frequencies, GaussianGroups, Shapes, Source
from neurosc.coupling_map.spsa import spsa_slope
from neurosc.coupling_map.training import Trained, train
from neurosc.coupling_map.two_phase import two_phase_slope

__all__ = [
    "CouplingMap",
    "CouplingSlope",
    "Frequencies",
    "GaussianGroups",
    "Instances",
    "Nearest",
    "Picture",
    "Scores",
    "Shapes",
    "Source",
    "Trained",
    "adjoint_slope",
    "coupling_correlation",
    "coupling_slope",
    "direct_couplings",
    "evaluate_couplings",
    "evaluate_runs",
    "experiments",
    "hebbian_couplings",
    "implicit_slope",
    "networks",
    "spsa_slope",
    "train",
    "trajectories",
    "two_phase_slope",
    "uniform_couplings",
]

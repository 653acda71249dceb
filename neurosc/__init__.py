"""neurosc: train networks of coupled oscillators by letting them relax, on any substrate."""

from neurosc import costs, topology
from neurosc.costs import CosineCost, CrossEntropy, LogCosineCost, SquaredCosineCost
from neurosc.ideal import Ideal
from neurosc.network import Encoding, PhaseNetwork
from neurosc.substrate import Nudge, Relaxation, RelaxationError, Status, Substrate

__version__ = "0.1.0"

"""Oscillator technologies. Values are typical ones inside the ranges that the sources give."""

from __future__ import annotations

from math import pi

from neurosc.hw_models.device import Device
from neurosc.hw_models.terms import (
    TDC,
    CouplingDelay,
    CouplingMismatch,
    FrequencyMismatch,
    PhaseLag,
    PhaseNoise,
    PhaseQuantization,
    Temperature,
    WeightQuantization,
)
from neurosc.hw_models.terms.base import Quality

ASSUMED: Quality = "assumed"
STATED: Quality = "stated"

CMOS_65 = Device(
    FrequencyMismatch.from_relative(
        0.01, 1e9, quality=ASSUMED, source="0.3 to 2 % in a die, 3 to 5 % near threshold"
    ),
    PhaseNoise.from_dbc(
        -90, 1e6, quality=ASSUMED, source="-105 to -80 dBc/Hz at 1 MHz of ring oscillators"
    ),
    WeightQuantization(5, quality=STATED, source="levels -14 to 14 of a 48-node 65 nm chip"),
    CouplingMismatch(0.03, quality=ASSUMED, source="1 to 5 %"),
    CouplingDelay(10e-12, 1e9, quality=ASSUMED, source="5 to 20 ps; f0 assumed"),
    TDC(
        1e9, 1.6e-12, 3.8e-12, quality=STATED, source="LSB 0.8 to 3.2 ps, 3.8 ps noise; f0 assumed"
    ),
    Temperature(
        5, 700, 1e9, quality=ASSUMED, source="700 ppm/C compensated is stated, 5 C assumed"
    ),
    coupling_rad_per_s=0.05 * 2 * pi * 1e9,
    name="cmos-ring-65nm",
    source="assumed: .05 of omega0, range .01 to .1",
)

CMOS_12 = Device(
    FrequencyMismatch.from_relative(
        0.01, 13e9, quality=ASSUMED, source="0.3 to 2 % in a die; f0 = 13 GHz of arXiv 2410.16079"
    ),
    PhaseNoise.from_dbc(
        -85, 1e6, quality=ASSUMED, source="-105 to -80 dBc/Hz at 1 MHz of ring oscillators"
    ),
    WeightQuantization(5, quality=ASSUMED, source="as in 65 nm"),
    CouplingMismatch(0.03, quality=ASSUMED, source="1 to 5 %"),
    TDC(
        13e9, 0.8e-12, 1e-12, quality=ASSUMED, source="the finest stated LSB; noise of 1 ps assumed"
    ),
    Temperature(
        5, 700, 13e9, quality=ASSUMED, source="700 ppm/C compensated, stated for others; 5 C"
    ),
    coupling_rad_per_s=0.05 * 2 * pi * 13e9,
    name="cmos-ring-12nm",
    source="assumed: .05 of omega0, range .01 to .1",
)

VO2 = Device(
    FrequencyMismatch.from_relative(
        0.01, 5e5, quality=ASSUMED, source="thresholds vary by 1 to 10 %; f0 of arXiv 2211.05497"
    ),
    PhaseNoise.from_jitter(
        0.003, 5e5, quality=ASSUMED, source="period jitter 0.1 to 2 %; f0 of arXiv 2211.05497"
    ),
    CouplingMismatch(0.05, quality=ASSUMED, source="discrete resistors and capacitors"),
    coupling_rad_per_s=0.05 * 2 * pi * 5e5,
    name="vo2-relaxation",
    source="assumed: .05 of omega0",
)

VORTEX = Device(
    FrequencyMismatch.from_relative(0.01, 1e8, quality=ASSUMED, source="1 to 5 %"),
    PhaseNoise.from_linewidth_hz(
        5e5, quality=STATED, source="linewidth 40 kHz to 1 MHz, arXiv 1310.4913"
    ),
    CouplingMismatch(0.05, quality=ASSUMED, source="electrical coupling"),
    coupling_rad_per_s=0.02 * 2 * pi * 1e8,
    name="vortex-oscillator",
    source="assumed: .02 of omega0",
)

SPIN_HALL = Device(
    FrequencyMismatch.from_relative(
        0.01, 1e10, quality=ASSUMED, source="1 to 5 %; f0 about 10 GHz is stated"
    ),
    PhaseNoise(3e6, quality=STATED, source="upper bound, synchronised chain of nano-constrictions"),
    CouplingMismatch(0.05, quality=ASSUMED, source="distance of neighbours"),
    coupling_rad_per_s=0.02 * 2 * pi * 1e10,
    name="spin-hall-oscillator",
    source="assumed: .02 of omega0",
)

LC = Device(
    FrequencyMismatch.from_relative(0.005, 915e6, quality=ASSUMED, source="0.1 to 1 % on a chip"),
    PhaseNoise.from_dbc(-107, 1e6, quality=STATED, source="-107 dBc/Hz at 1 MHz, 915 MHz"),
    WeightQuantization(5, quality=STATED, source="LC Ising machine, Chou et al. 2019"),
    CouplingMismatch(0.03, quality=ASSUMED, source="coupling capacitors or resistors"),
    coupling_rad_per_s=0.02 * 2 * pi * 915e6,
    name="lc-oscillator",
    source="assumed: .02 of omega0",
)

MEMS = Device(
    FrequencyMismatch.from_relative(0.003, 1e6, quality=ASSUMED, source="0.1 to 1 %"),
    PhaseNoise(1e-3, quality=ASSUMED, source="thermomechanical"),
    WeightQuantization(8, quality=ASSUMED, source="electronic feedback"),
    coupling_rad_per_s=0.01 * 2 * pi * 1e6,
    name="mems-resonator",
    source="assumed: .01 of omega0",
)

FPGA = Device(
    WeightQuantization(5, quality=STATED, source="506 oscillators, arXiv 2504.20680"),
    PhaseQuantization(4, quality=STATED, source="LSB 22.5 degrees, arXiv 2504.20680"),
    PhaseLag(2 * pi / 16, quality=STATED, source="one tick, of 16 in a period, arXiv 2504.20680"),
    name="fpga-digital",
    source="clocked: no mismatch and no noise",
)

OSCILLATORS = (
    ("CMOS ring oscillators at 1 GHz, 65 nm", CMOS_65),
    ("CMOS ring oscillators at 13 GHz, 12 nm", CMOS_12),
    ("VO2 relaxation oscillators at 500 kHz", VO2),
    ("Vortex spin-torque nano-oscillators at 100 MHz", VORTEX),
    ("Spin-Hall nano-oscillators at 10 GHz", SPIN_HALL),
    ("LC oscillators at 915 MHz", LC),
    ("MEMS resonators in feedback at 1 MHz", MEMS),
    ("Digital oscillators on an FPGA: 5-bit weights, 4-bit phases", FPGA),
)

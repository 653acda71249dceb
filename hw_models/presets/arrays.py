"""Memristive coupling arrays; they join oscillators of any kind with `|`."""

from __future__ import annotations

from neurosc.hw_models.device import Device
from neurosc.hw_models.terms import (
    PCM,
    ConductanceDrift,
    IRDrop,
    ProgrammingNoise,
    ReadNoise,
    ReRAMHfOx,
    ReRAMWan2022,
)
from neurosc.hw_models.terms.base import Quality

MEASURED: Quality = "measured"
ASSUMED: Quality = "assumed"

_PCM = "million-device array, aihwkit PCMLikeNoiseModel"
_WAN = "Wan et al., Nature 608:504 (2022), fit of aihwkit"
_HFOX = "Falcone et al., fit of aihwkit's ReRamCMONoiseModel"
_WIRE = "0.35 Ohm a cell as in aihwkit"

PCM_ARRAY = Device(
    ProgrammingNoise(PCM(), quality=MEASURED, source=_PCM),
    ConductanceDrift(PCM(), quality=MEASURED, source=_PCM),
    ReadNoise(PCM(), quality=MEASURED, source=_PCM),
    IRDrop(g_max_us=25.0, quality=ASSUMED, source=_WIRE),
    name="pcm-array",
)

WAN_ARRAY = Device(
    ProgrammingNoise(ReRAMWan2022(), quality=MEASURED, source=_WAN),
    ConductanceDrift(ReRAMWan2022(), quality=MEASURED, source=_WAN),
    IRDrop(g_max_us=40.0, quality=ASSUMED, source=_WIRE),
    name="reram-wan2022-array",
)

HFOX_ARRAY = Device(
    ProgrammingNoise(ReRAMHfOx(), quality=MEASURED, source=_HFOX),
    ConductanceDrift(ReRAMHfOx(), quality=MEASURED, source=_HFOX),
    ReadNoise(ReRAMHfOx(), quality=MEASURED, source=_HFOX),
    IRDrop(g_max_us=88.2, quality=ASSUMED, source=_WIRE),
    name="reram-hfox-array",
)

ARRAYS = (
    ("Phase-change memory, 0 to 25 uS, differential pairs", PCM_ARRAY),
    ("Filamentary ReRAM, 0 to 40 uS, differential pairs", WAN_ARRAY),
    ("CMO/HfOx ReRAM, 9 to 88.2 uS, differential pairs, 0.2 % acceptance", HFOX_ARRAY),
)

"""Neurons of own equations in the language of Brian2, in SI units without their dimensions.

Between spikes they move by Runge and Kutta's method. A spike is sought backwards from the end of
its step with h, not the time, as the variable in which the equations are solved: one step to h = 0
gives the moment and the state. From there the reset and one step forwards follow, so phases are
not bound to the time grid.

Source: Henon, Physica D 5:412 (1982), for the step to h = 0.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from neurosc.hw_models.spiking.equations import System, read_parameters, read_system
from neurosc.hw_models.spiking.membrane import Membrane

SHARES = (0.0, 0.5, 0.5, 1.0)
"""Where the four stages of Runge and Kutta's method look, in a step."""
MEAN = "({0}1{1} + 2*{0}2{1} + 2*{0}3{1} + {0}4{1})/6"
"""Of the slopes of the stages."""


def custom(neuron: dict[str, Any], poles: int) -> Membrane:
    """A neuron as `Neuron.to_dict` describes it, with its `period_s`.

    The drive is bias + open T s_p; `open` is 0 during the warm-up, in which spikes fill delays and
    poles but move no phase.
    """
    import brian2

    code = Code(
        read_system(
            neuron["equations"],
            neuron["threshold"],
            neuron["reset"],
            neuron["drive"],
            read_parameters(neuron["equations"], neuron["parameters"]),
        ),
        poles,
    )
    rates = code.velocity("{}", "drive")
    return Membrane(
        equations=[
            *(f"d{name}/dt = ({rate})/second : 1" for name, rate in rates.items()),
            "bias : 1",
            f"drive = bias + open*period*s{poles} : 1",
        ],
        threshold=f"{code.text(code.system.height)} >= 0",
        crossing=code.crossing(),
        reset=code.reset(),
        ahead=code.step("shift/second"),
        method="rk4",
        constants={**code.constants, "period": neuron["period_s"] * brian2.second},
        period=neuron["period_s"],
    )


@dataclasses.dataclass(frozen=True)
class Code:
    """Statements of Brian2 for a neuron.

    A form like `"there_{}"` makes the names of variables out of those of the states.
    """

    system: System
    poles: int

    @property
    def names(self) -> list[str]:
        """Of the states."""
        return [symbol.name for symbol in self.system.states]

    @property
    def constants(self) -> dict[str, float]:
        """By the names that they have in the code."""
        return {f"own_{symbol.name}": value for symbol, value in self.system.constants.items()}

    def text(self, formula: Any, form: str = "{}", drive: str = "drive") -> str:
        """A formula at the state that is named in a form."""
        import sympy  # type: ignore[import-untyped]
        from brian2.parsing.sympytools import sympy_to_str

        system = self.system
        spelled = {symbol: f"own_{symbol.name}" for symbol in system.constants}
        spelled |= {symbol: form.format(symbol.name) for symbol in system.states}
        spelled[system.drive] = drive
        symbols = {old: sympy.Symbol(new, real=True) for old, new in spelled.items()}
        return str(sympy_to_str(formula.xreplace(symbols)))

    def velocity(self, form: str, drive: str) -> dict[str, str]:
        """F by state."""
        texts = [self.text(rate, form, drive) for rate in self.system.velocity]
        return dict(zip(self.names, texts, strict=True))

    def crossing(self) -> list[str]:
        """`late`, and the state at the threshold as `there_{}`, from that after it.

        With h as the variable dt/dh = 1/(grad h . F) and dx/dh = F dt/dh.
        """
        lines = [f"back_h = {self.text(self.system.height)}"]
        for stage, share in enumerate(SHARES, start=1):
            down, last = f"{share}*back_h", f"back{stage - 1}_"
            lines += [
                f"back{stage}_at_{name} = {name}" + (f" - {down}*{last}by_{name}" if share else "")
                for name in self.names
            ]
            time = f"-{down}*{last}by" if share else "0.0"
            lines += self._drive_at(f"back{stage}_drive", time)
            at = f"back{stage}_at_{{}}"
            rates = self.velocity(at, f"back{stage}_drive")
            lines += [f"back{stage}_to_{name} = {rate}" for name, rate in rates.items()]
            rise = [
                f"({self.text(slope, at)})*back{stage}_to_{name}"
                for slope, name in zip(self.system.normal, self.names, strict=True)
                if slope != 0
            ]
            lines.append(f"back{stage}_by = 1/({' + '.join(rise)})")
            lines += [
                f"back{stage}_by_{name} = back{stage}_by*back{stage}_to_{name}"
                for name in self.names
            ]
        lines += [
            f"there_{name} = {name} - back_h*{MEAN.format('back', f'_by_{name}')}"
            for name in self.names
        ]
        return [*lines, f"late = back_h*{MEAN.format('back', '_by')}*second"]

    def reset(self) -> list[str]:
        """From `there_{}` across the reset to the end of the step."""
        lines = [
            f"{name} = {self.text(formula, 'there_{}')}"
            for name, formula in zip(self.names, self.system.after, strict=True)
        ]
        return lines + self.step("late/second", lambda share: f"-{1 - share}*late/second")

    def step(self, length: str, time: Callable[[float], str] | None = None) -> list[str]:
        """A step of some seconds, from the state to the state.

        `time` tells at a share of the step how long after now that is, which the pulses need to
        be known at; without it the neuron runs free.
        """
        lines = []
        for stage, share in enumerate(SHARES, start=1):
            lines += [
                f"on{stage}_at_{name} = {name}"
                + (f" + {share}*{length}*on{stage - 1}_to_{name}" if share else "")
                for name in self.names
            ]
            drive = f"on{stage}_drive"
            lines += [f"{drive} = bias"] if time is None else self._drive_at(drive, time(share))
            rates = self.velocity(f"on{stage}_at_{{}}", drive)
            lines += [f"on{stage}_to_{name} = {rate}" for name, rate in rates.items()]
        return lines + [
            f"{name} += {length}*{MEAN.format('on', f'_to_{name}')}" for name in self.names
        ]

    def _drive_at(self, name: str, time: str) -> list[str]:
        """The drive some seconds after now, before more pulses arrive: exp(-t/p) in each pole."""
        series = " + ".join(
            f"s{self.poles - k}*{name}_t**{k}/{math.factorial(k)}" for k in range(self.poles)
        )
        return [
            f"{name}_t = ({time})*second/pole",
            f"{name} = bias + open*period*exp(-{name}_t)*({series})",
        ]

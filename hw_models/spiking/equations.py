"""Neurons written in Brian2's language, as functions of NumPy with derivatives by SymPy."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from neurosc.hw_models.spiking.formulas import Names, told
from neurosc.hw_models.spiking.limit_cycle import Dynamics, Field
from neurosc.network import FloatArray

Parameters = tuple[tuple[str, float, str], ...]
"""Name, value in SI units and base unit of each, sorted."""
RESERVED = (
    *("age", "bias", "blocks", "count", "cycle", "drive", "gain0", "gain1", "gauss", "jitter"),
    *("key0", "key1", "late", "open", "period", "pole", "read_from", "shift", "sigma", "stream"),
)
"""Names that the circuit has for itself, where states stand beside them."""
RESERVED_FORM = re.compile(r"s\d+|(own|there|back|on)\d*_.*")
"""Further ones: poles, and what `custom` adds."""
OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
"""Of an assignment that changes a variable."""


class System(NamedTuple):
    """A neuron as formulas in SI units: dx/dt = F, spike where h rises through 0, then x = R.

    Attributes
    ----------
    states
        Symbols of x (k).
    drive
        Symbol of I.
    velocity, after
        F(x, I) and R(x), k formulas each.
    height
        h(x).
    constants
        Values of the other symbols.
    """

    states: tuple[Any, ...]
    drive: Any
    velocity: tuple[Any, ...]
    height: Any
    after: tuple[Any, ...]
    constants: dict[Any, float]

    @property
    def normal(self) -> tuple[Any, ...]:
        """The gradient of h, k formulas."""
        return tuple(self.height.diff(x) for x in self.states)

    def dynamics(self) -> Dynamics:
        """The functions of NumPy."""
        return Dynamics(
            velocity=self._function(self.velocity),
            jacobian=self._function([[f.diff(x) for x in self.states] for f in self.velocity]),
            push=self._function([f.diff(self.drive) for f in self.velocity]),
            height=self._function([self.height]),
            normal=self._function(self.normal),
            reset=self._function(self.after),
            reset_jacobian=self._function([[r.diff(x) for x in self.states] for r in self.after]),
        )

    def _function(self, formulas: Any) -> Field:
        """f(x, I) of shape formulas.shape + x.shape[1:]."""
        import sympy  # type: ignore[import-untyped]
        from scipy.special import exprel

        table = np.array(formulas, dtype=object)
        compiled = sympy.lambdify(
            [*self.states, self.drive, *self.constants],
            table.ravel().tolist(),
            modules=[{"exprel": exprel}, "numpy"],
            dummify=True,  # names of the user stay out of the code
            cse=True,
        )
        values = tuple(self.constants.values())

        def evaluate(state: FloatArray, drive: float) -> FloatArray:
            found = np.empty((table.size, *state.shape[1:]))
            for row, value in enumerate(compiled(*state, drive, *values)):
                found[row] = value
            return found.reshape(table.shape + state.shape[1:])

        return evaluate


def read_parameters(equations: str, given: Mapping[str, Any] | Parameters) -> Parameters:
    """Quantities as numbers in SI units; plain numbers have the unit that the equations declare.

    A pair of a number and a base unit, as text, is a quantity too.
    """
    import brian2

    if not isinstance(given, Mapping):
        given = {name: (value, unit) for name, value, unit in given}
    lines = _lines(equations)
    read = []
    for name, quantity in sorted(given.items()):
        with told("parameters", "rename it"):
            brian2.Equations.check_identifier(name)
        declared = lines[name].dim if name in lines else None
        number, dimension = _number(name, quantity, declared)
        if declared is not None and dimension is not declared:
            raise ValueError(
                f"parameters: {name!r} is in {_unit(dimension)} but declared in {_unit(declared)}; "
                "correct one of them"
            )
        read.append((name, number, _unit(dimension)))
    return tuple(read)


def _number(name: str, quantity: Any, declared: Any) -> tuple[float, Any]:
    """Value and dimension."""
    import brian2
    from brian2.units.fundamentalunits import DIMENSIONLESS

    if isinstance(quantity, tuple | list) and len(quantity) == 2:
        number, dimension = quantity[0], _dimension(name, quantity[1])
    elif isinstance(quantity, brian2.Quantity):
        number, dimension = quantity, quantity.dim
    else:
        number, dimension = quantity, DIMENSIONLESS if declared is None else declared
    number = np.asarray(number)
    if number.shape != () or number.dtype.kind not in "iuf" or not np.isfinite(number):
        raise ValueError(f"parameters: {name!r} is {quantity!r}; give one finite number")
    return float(number), dimension


def _unit(dimension: Any) -> str:
    """The base unit of a dimension, as Brian2 writes it."""
    import brian2
    from brian2.units.fundamentalunits import DIMENSIONLESS

    return "1" if dimension is DIMENSIONLESS else repr(brian2.get_unit(dimension))


def _dimension(name: str, unit: Any) -> Any:
    """The dimension of a base unit."""
    from brian2.equations.equations import dimensions_and_type_from_string

    # Brian2 evaluates what passes
    if not isinstance(unit, str) or not re.fullmatch(r"[A-Za-z0-9*/.\- ]{1,200}", unit):
        raise ValueError(f"parameters: {unit!r} of {name!r} is no base unit; give one as 'volt'")
    with told("parameters", f"give {name!r} a base unit"):
        return dimensions_and_type_from_string(unit)[0]


def read_system(
    equations: str, threshold: str, reset: str, drive: str, parameters: Parameters
) -> System:
    """The formulas of a neuron.

    Raises
    ------
    ValueError
        For what is not a neuron of smooth equations with one threshold and one reset.
    """
    import sympy

    lines = _lines(equations)
    names = _names(lines, drive, parameters)
    rates, inner = _rates(lines, names)
    height = _height(names, threshold).xreplace(inner)
    after = tuple(r.xreplace(inner) for r in _after(names, reset, list(rates)))
    current = _symbol(drive)
    if not any(f.has(current) for f in rates.values()):
        raise ValueError(f"drive: no differential equation contains {drive!r}; name what one does")
    for argument, formulas in {"threshold": (height,), "reset": after}.items():
        if any(f.has(current) for f in formulas):
            raise ValueError(
                f"{argument}: contains the drive {drive!r}, so a pulse would move spikes at once; "
                "use states and constants"
            )
    states = tuple(_symbol(name) for name in rates)
    used = sympy.Tuple(*rates.values(), height, *after).free_symbols - {*states, current}
    idle = {name for name, *_ in parameters} - {symbol.name for symbol in used} - {drive}
    if idle:
        raise ValueError(f"parameters: {sorted(idle)} do nothing in the neuron; leave them out")
    constants = {s: names.value(s.name) for s in sorted(used, key=str)}
    return System(states, current, tuple(rates.values()), height, after, constants)


def _symbol(name: str) -> Any:
    """As Brian2's parser makes it."""
    import sympy

    return sympy.Symbol(name, real=True)


def _lines(equations: str) -> Any:
    """The equations as Brian2 reads them."""
    import brian2

    if not isinstance(equations, str):
        raise TypeError(
            f"equations: {type(equations).__name__} is no text; give Brian2's equations"
        )
    with told("equations", "correct them"):
        lines = brian2.Equations(equations)
    for name, line in lines.items():
        flags = set(line.flags) - ({"constant"} if line.type == "parameter" else set())
        if flags or line.var_type != "float":
            what = f"({', '.join(sorted(flags))})" if flags else line.var_type
            raise ValueError(
                f"equations: {name!r} is {what}, which has no phase response; leave that out"
            )
    return lines


def _names(lines: Any, drive: str, parameters: Parameters) -> Names:
    """What the equations define and the parameters give."""
    known = {name: (value, _dimension(name, unit)) for name, value, unit in parameters}
    missing = [name for name in lines.parameter_names if name not in known and name != drive]
    if missing:
        raise ValueError(f"parameters: {sorted(missing)} have no value; give them")
    if drive not in known:
        raise ValueError(
            f"drive: {drive!r} has no value at the free rhythm; give one in parameters"
        )
    for name in lines.eq_names:
        if name in known:
            raise ValueError(f"parameters: the equations already define {name!r}; leave it out")
    return Names({name: lines[name].dim for name in lines.eq_names}, known)


def _rates(lines: Any, names: Names) -> tuple[dict[str, Any], dict[Any, Any]]:
    """The formulas of the differential equations, and those of subexpressions by symbol."""
    import brian2
    from brian2.units.fundamentalunits import DIMENSIONLESS

    inner: dict[Any, Any] = {}
    found = {}
    for line in lines.ordered:
        if line.type == "parameter":
            continue
        per = DIMENSIONLESS if line.type == "subexpression" else brian2.second.dim
        formula = names.formula("equations", line.expr.code, line.dim / per).xreplace(inner)
        if line.type == "subexpression":
            inner[_symbol(line.varname)] = formula
        else:
            found[line.varname] = formula
    if not found:
        raise ValueError("equations: none is a differential equation; give one of each state")
    for name in found:
        if name in RESERVED or RESERVED_FORM.fullmatch(name):
            raise ValueError(f"equations: the circuit has {name!r} for itself; rename the state")
    return {name: found[name] for name in lines if name in found}, inner


def _height(names: Names, threshold: str) -> Any:
    """h = a - b of a > b."""
    with told("threshold", "correct it"):
        tree = ast.parse(threshold.strip(), mode="eval").body
    match tree:
        case ast.Compare(left, [ast.Gt() | ast.GtE()], [right]):
            high, low = left, right
        case ast.Compare(left, [ast.Lt() | ast.LtE()], [right]):
            high, low = right, left
        case _:
            raise ValueError(
                f"threshold: {threshold!r} is no single comparison; give one as 'v > v_t'"
            )
    return names.formula("threshold", f"({ast.unparse(high)}) - ({ast.unparse(low)})", None)


def _after(names: Names, reset: str, states: list[str]) -> list[Any]:
    """Where the assignments of a reset, one after the other, put each state."""
    with told("reset", "correct it"):
        body = ast.parse("\n".join(line.strip() for line in reset.splitlines())).body
    now = {_symbol(name): _symbol(name) for name in states}
    for statement in body:
        target, text = _assignment(statement)
        if target not in states:
            raise ValueError(f"reset: {target!r} is no state; set {', '.join(states)} only")
        formula = names.formula("reset", text, names.variables[target])
        now[_symbol(target)] = formula.xreplace(now)
    return list(now.values())


def _assignment(statement: ast.stmt) -> tuple[str, str]:
    """Target and expression of `x = ...` or `x += ...`."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name, ast.unparse(value)
        case ast.AugAssign(target=ast.Name(id=name), op=op, value=value) if type(op) in OPERATORS:
            return name, f"{name} {OPERATORS[type(op)]} ({ast.unparse(value)})"
    raise ValueError(
        f"reset: {ast.unparse(statement)!r} is no assignment; use 'v = ...', 'v += ...'"
    )

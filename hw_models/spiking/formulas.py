"""Expressions in Brian2's language as formulas of SymPy, in SI units.

Nothing of a string is executed: each expression is checked node by node, its units are checked by
Brian2, and Brian2's own parser turns it into a formula.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

FUNCTIONS = (
    *("exp", "expm1", "exprel", "log", "log10", "log1p", "sqrt", "abs"),
    *("sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan"),
)
"""Those that may be called: smooth ones, and `abs`."""
NODES = (
    *(ast.Name, ast.Load, ast.Constant, ast.Call, ast.BinOp, ast.UnaryOp),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.UAdd, ast.USub),
)
"""What an expression may consist of."""
REFUSED = {
    "xi": "is noise, and a rhythm has none; leave it out and use noise= of the oscillators",
    "t": "makes the rhythm change by itself; use equations without the time",
    "dt": "is of the simulation, not of the neuron; leave it out",
    "i": "makes neurons differ; leave it out",
    "N": "is of the simulation, not of the neuron; leave it out",
    "not_refractory": "is of a refractory period, which has no phase response; leave it out",
    "lastspike": "is of a refractory period, which has no phase response; leave it out",
}
"""Names of Brian2 that have no place in a neuron here."""


@dataclasses.dataclass(frozen=True)
class Names:
    """What expressions may refer to.

    Attributes
    ----------
    variables
        Dimension of each variable.
    constants
        Value (SI) and dimension of each parameter; those of units come with Brian2.
    """

    variables: Mapping[str, Any]
    constants: Mapping[str, tuple[float, Any]]

    def value(self, name: str) -> float:
        """Of a parameter or unit, SI."""
        from brian2.core.namespace import DEFAULT_UNITS

        return self.constants[name][0] if name in self.constants else float(DEFAULT_UNITS[name])

    def formula(self, argument: str, text: str, dimension: Any) -> Any:
        """A formula of SymPy whose unit is checked; without `dimension` it may have any.

        Raises
        ------
        ValueError
            That names the `argument` in which the text stands.
        """
        from brian2.equations.unitcheck import check_dimensions
        from brian2.parsing.expressions import parse_expression_dimensions
        from brian2.parsing.sympytools import str_to_sympy

        with told(argument, "correct it"):
            tree = ast.parse(text.strip(), mode="eval")
        for node in ast.walk(tree.body):
            self._check(argument, node)
        with told(argument, "correct it"):
            if dimension is None:
                parse_expression_dimensions(text.strip(), self._dimensions())
            else:
                check_dimensions(text.strip(), dimension, self._dimensions())
            return str_to_sympy(text.strip())

    def _check(self, argument: str, node: ast.AST) -> None:
        if not isinstance(node, NODES):
            raise ValueError(
                f"{argument}: {type(node).__name__} has no place in an expression; use numbers, "
                "names, + - * / ** and smooth functions"
            )
        if isinstance(node, ast.Constant) and type(node.value) not in (int, float):
            raise ValueError(f"{argument}: {node.value!r} is no real number; use one")
        if isinstance(node, ast.Call) and (
            not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords
        ):
            raise ValueError(
                f"{argument}: {ast.unparse(node)} calls what is no smooth function; use one of "
                f"{', '.join(sorted(FUNCTIONS))}"
            )
        if isinstance(node, ast.Name) and node.id not in self._dimensions():
            kind = "xi" if node.id.startswith("xi_") else node.id
            why = REFUSED.get(kind, "is unknown; give its value in parameters")
            raise ValueError(f"{argument}: {node.id!r} {why}")

    def _dimensions(self) -> dict[str, Any]:
        """Of all names, in the form that Brian2 wants."""
        import brian2
        from brian2.core.functions import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS
        from brian2.core.namespace import DEFAULT_UNITS

        return {
            **{name: DEFAULT_FUNCTIONS[name] for name in FUNCTIONS},
            **{name: DEFAULT_CONSTANTS[name] for name in ("pi", "e")},
            **DEFAULT_UNITS,
            **{n: brian2.Quantity(1.0, dim=d) for n, (_, d) in self.constants.items()},
            **{n: brian2.Quantity(1.0, dim=d) for n, d in self.variables.items()},
        }


@contextlib.contextmanager
def told(argument: str, remedy: str) -> Iterator[None]:
    """Errors of Brian2 as ours."""
    import brian2
    from brian2.equations.equations import EquationError

    known = (
        *(SyntaxError, ValueError, TypeError, KeyError),
        *(EquationError, brian2.DimensionMismatchError),
    )
    try:
        yield
    except known as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise ValueError(f"{argument}: {said}; {remedy}") from error

"""A device in a table that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosc.hw_models.terms.base import Term, quantities

if TYPE_CHECKING:
    from neurosc.hw_models.device import Device

HEAD = ("term", "scope", "quantity", "value", "unit", "source")


def explain(device: Device) -> str:
    """Every term with scope, symbol, value, unit and source; then what governs the array."""
    lines = [device.name] if device.name else []
    rows = [row for term in device.terms for row in _rows(term)]
    lines += _aligned([HEAD, *rows]) if rows else ["no terms: the ideal model"]
    coupling = f"K = {device.coupling_rad_per_s:.4g} rad/s"
    if device.coupling_rad_per_s == 1:
        coupling = "K = 1: rates are shares of the coupling"
    lines.append(coupling + (f" ({device.source})" if device.source else ""))
    if device.oscillators is not None:
        lines.append(f"oscillators: {device.oscillators}")
    lines.append(f"D/K = {device.noise:.3g}, detuning/K = {device.detuning:.3g}")
    if device.flicker is not None:
        lines[-1] += f", 1/f floor/K = {device.wander:.3g}"
    return "\n".join(lines)


def _rows(term: Term) -> list[tuple[str, ...]]:
    source = f"{term.quality}: {term.source}" if term.source else term.quality
    first = (type(term).__name__, term.scope)
    numbers = [
        (f"{name} {quantity.symbol}", f"{getattr(term, name):.6g}", quantity.unit)
        for name, quantity in quantities(type(term)).items()
    ]
    numbers += [(name, str(value), "") for name, value in term.choices.items()]
    return [
        (*(first if k == 0 else ("", "")), *number, source if k == 0 else "")
        for k, number in enumerate(numbers)
    ]


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]

"""How much memory a graph may take before it is refused."""

from __future__ import annotations

MOST_BYTES = 4 * 2**30
"""More is refused with its size, before it is asked of the machine."""
BYTES_PER_CONNECTION = 64
"""Source, target, weight and delay, twice over while they are sorted."""


def check_memory(argument: str, what: str, size: float, remedy: str) -> None:
    """Raise for something that would take too much memory.

    Parameters
    ----------
    argument
        Name of the argument that is to blame.
    what
        What would be kept, for the message.
    size
        Bytes.
    remedy
        What to do instead.

    Raises
    ------
    ValueError
        For more than 4 GiB.
    """
    if size > MOST_BYTES:
        raise ValueError(
            f"{argument}: {what} would take {size / 2**30:,.1f} GiB, more than the "
            f"{MOST_BYTES / 2**30:g} GiB that are allowed; {remedy}"
        )


def check_connections(what: str, count: float) -> None:
    """Raise for more connections than can be kept."""
    check_memory(
        "graph",
        f"the {count:,.0f} connections of {what}",
        count * BYTES_PER_CONNECTION,
        "use fewer channels, smaller kernels or a sparser weight",
    )


def check_traces(batch: int, steps: int, channels: int) -> None:
    """Raise for traces of the Outputs that cannot be kept."""
    check_memory(
        "record_from",
        f"the traces of {channels} channels in {steps} steps of {batch} samples",
        8.0 * batch * steps * channels,
        "record later, or run fewer samples at once",
    )

"""Random numbers: one `rng=` argument, split into named streams.

A stream is addressed by a purpose and integers such as chip and trial, so adding one effect
leaves the draws of the others unchanged, and neither order nor worker count matters.
"""

from __future__ import annotations

import zlib

import numpy as np

RNG = int | np.integer | np.random.SeedSequence | np.random.Generator | None


def seed_sequence(rng: RNG) -> np.random.SeedSequence:
    """The root of all streams of one call.

    An int or a SeedSequence gives the same root each time; a Generator is advanced by one draw;
    None takes fresh entropy.
    """
    if isinstance(rng, np.random.SeedSequence):
        return rng
    if isinstance(rng, np.random.Generator):
        words = rng.integers(0, 2**32, size=4, dtype=np.uint32)
        return np.random.SeedSequence([int(w) for w in words])
    if rng is None:
        return np.random.SeedSequence()
    if not isinstance(rng, int | np.integer):
        raise TypeError(
            f"rng: expected an int, a SeedSequence, a Generator or None, not {type(rng).__name__}"
        )
    if rng < 0:
        raise ValueError(f"rng: {rng} is negative; give an int >= 0")
    return np.random.SeedSequence(int(rng))


def substream(rng: RNG, purpose: str, *keys: int) -> np.random.SeedSequence:
    """The seed of the stream named `purpose` and `keys`."""
    root = seed_sequence(rng)
    name = zlib.crc32(purpose.encode())
    return np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, name, *keys))


def stream(rng: RNG, purpose: str, *keys: int) -> np.random.Generator:
    """A generator of the stream named `purpose` and `keys`."""
    return np.random.default_rng(substream(rng, purpose, *keys))


def key_text(key: np.random.SeedSequence) -> str:
    """A random root as text, from which `key_from` makes it again."""
    entropy = key.entropy
    words = [entropy] if isinstance(entropy, int) else list(entropy or ())
    return "-".join(str(int(w)) for w in words) + "".join(f"/{int(k)}" for k in key.spawn_key)


def key_from(text: str) -> np.random.SeedSequence:
    """The random root of such a text."""
    head, *keys = text.split("/")
    words = [int(word) for word in head.split("-")]
    return np.random.SeedSequence(
        words[0] if len(words) == 1 else words, spawn_key=tuple(int(k) for k in keys)
    )

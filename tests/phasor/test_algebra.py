"""Symbols of phasors: binding, bundles, residues."""

import numpy as np
import pytest

from neurosc.phasor import ResidueCode, bind, bundle, nearest, random_symbols, similarity, unbind


def test_unbinding_is_exact_and_binding_hides() -> None:
    x, y = random_symbols(2, 1000, rng=0)
    z = bind(x, y)
    assert np.allclose(unbind(z, y), x)
    assert abs(similarity(z, x)) < 0.1
    assert similarity(x, x) == pytest.approx(1)


def test_similarity_of_strangers_has_the_known_variance() -> None:
    x = random_symbols(400, 128, rng=1)
    found = similarity(x[:200, None], x[None, 200:])
    assert abs(found.mean()) < 4e-3
    assert found.var() == pytest.approx(1 / 256, rel=0.03)


@pytest.mark.parametrize("count", [10, 30])
def test_bundles_are_similar_to_what_is_in_them(count: int) -> None:
    x = random_symbols(count, 20_000, rng=2)
    found = similarity(bundle(x), x)
    assert found.mean() == pytest.approx(np.sqrt(np.pi / (4 * count)), rel=0.03)


def test_records_are_read_field_by_field() -> None:
    keys, book = random_symbols(3, 500, rng=3), random_symbols(20, 500, rng=4)
    values = [7, 0, 19]
    record = bundle(np.stack([bind(k, book[v]) for k, v in zip(keys, values, strict=True)]))
    assert nearest(unbind(record, keys), book).tolist() == values


def test_adding_numbers_is_binding() -> None:
    code = ResidueCode([3, 5, 7], 200, rng=0)
    assert code.range == 105
    assert np.allclose(bind(code.encode(60), code.encode(72)), code.encode(27))
    assert np.allclose(code.encode(-1), code.encode(104))
    assert abs(similarity(code.encode(1), code.encode(2))) < 0.3


def test_numbers_are_read_by_a_resonator() -> None:
    code = ResidueCode([5, 7, 11], 300, rng=1)
    x = np.arange(0, 385, 39).reshape(2, 5)
    assert np.array_equal(code.decode(code.encode(x), rng=0), x)
    noisy = bundle(np.stack([code.encode(x), random_symbols(10, 300, rng=5).reshape(2, 5, 300)]))
    assert np.array_equal(code.decode(noisy, rng=0), x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ResidueCode([4, 6], 10), "moduli: .* share a factor"),
        (lambda: ResidueCode([], 10), "moduli:"),
        (bind, "symbols: nothing"),
        (lambda: bind(np.ones(3), np.ones(4)), r"symbols: shapes \[\(3,\), \(4,\)\] do not fit"),
        (lambda: similarity(np.ones(3), np.ones(4)), "other: shape"),
        (lambda: nearest(np.ones(3), np.ones((2, 4))), "codebook: shape"),
        (lambda: random_symbols(1, 0), "count, size"),
    ],
)
def test_bad_input(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]


def test_numbers_must_be_whole() -> None:
    with pytest.raises(TypeError, match="x: expected whole numbers"):
        ResidueCode([3, 5], 10, rng=0).encode(1.5)

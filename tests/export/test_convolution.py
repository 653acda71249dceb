"""Convolutions and pools as matrices: against scipy.signal.correlate and plain loops."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import hypothesis
import nir
import numpy as np
import numpy.typing as npt
import pytest
import scipy
from hypothesis import strategies as st

from neurosc.export import run, simulate
from neurosc.export.lowering.convolution import entering_shape, leaving_shape, unrolled

Array = npt.NDArray[np.float64]
DT = 1e-4


def convolved(
    x: Array, weight: Array, stride: Any, padding: Any, dilation: Any, groups: int
) -> Array:
    """PyTorch's convolution of x (channels, *space), by scipy: correlate, then take each stride."""
    out, within = weight.shape[:2]
    extent = [r * (k - 1) + 1 for r, k in zip(dilation, weight.shape[2:], strict=True)]
    wide = np.zeros((out, within, *extent))
    taps: list[slice] = [slice(None, None, r) for r in dilation]
    wide[(slice(None), slice(None), *taps)] = weight
    around = [(p, p) for p in padding]
    if padding == "same":
        around = [((n - 1) // 2, n - 1 - (n - 1) // 2) for n in extent]
    elif padding == "valid":
        around = [(0, 0)] * len(extent)
    padded = np.pad(x, [(0, 0), *around])
    planes = []
    for o in range(out):
        first = o // (out // groups) * within
        parts = [
            scipy.signal.correlate(padded[first + c], wide[o, c], mode="valid", method="direct")
            for c in range(within)
        ]
        planes.append(np.sum(parts, axis=0)[tuple(slice(None, None, s) for s in stride)])
    return np.stack(planes)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Any, tuple[int, ...]]:
    """A Conv1d or Conv2d with odd options, and the shape of its input."""
    d = draw(st.integers(1, 2))
    each = st.integers(1, 3)
    groups, within, share = draw(each), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    kernel = [draw(st.integers(1, 4)) for _ in range(d)]
    dilation = [draw(st.integers(1, 2)) for _ in range(d)]
    padding: Any = draw(st.sampled_from(["numbers", "same", "valid"]))
    stride = [1 if padding == "same" else draw(each) for _ in range(d)]
    if padding == "numbers":
        padding = tuple(draw(st.integers(0, 2)) for _ in range(d))
    space = tuple(
        r * (k - 1) + 1 + draw(st.integers(0, 4)) for r, k in zip(dilation, kernel, strict=True)
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weight = rng.normal(size=(groups * share, within, *kernel))
    single = d == 1
    node = (nir.Conv1d if single else nir.Conv2d)(
        input_shape=None, weight=weight, groups=groups, bias=rng.normal(size=groups * share),
        stride=stride[0] if single else tuple(stride),
        dilation=dilation[0] if single else tuple(dilation),
        padding=padding[0] if single and not isinstance(padding, str) else padding,
    )  # fmt: skip
    return node, (groups * within, *space)


@hypothesis.given(convolutions())
def test_a_convolution_is_its_matrix(case: tuple[Any, tuple[int, ...]]) -> None:
    node, shape = case
    d = len(shape) - 1
    stride, dilation = (np.broadcast_to(v, d) for v in (node.stride, node.dilation))
    padding = node.padding
    if not isinstance(padding, str):
        padding = tuple(np.broadcast_to(padding, d))
    x = np.random.default_rng(0).normal(size=shape)
    expected = convolved(x, node.weight, stride, padding, dilation, node.groups)
    matrix = unrolled("conv", node, shape)
    assert leaving_shape("conv", node, shape) == expected.shape
    np.testing.assert_allclose(matrix @ x.ravel(), expected.ravel(), atol=1e-12)


@hypothesis.given(
    st.tuples(st.integers(1, 3), st.integers(3, 6), st.integers(3, 6)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(0, 1), st.integers(0, 1)),
)
def test_pools_sum_and_average_over_windows(
    shape: Any, kernel: Any, stride: Any, padding: Any
) -> None:
    x = np.random.default_rng(1).normal(size=shape)
    padded = np.pad(x, [(0, 0), *((p, p) for p in padding)])
    places = [
        range(0, n - k + 1, s) for n, k, s in zip(padded.shape[1:], kernel, stride, strict=True)
    ]
    rows = [
        padded[:, a : a + kernel[0], b : b + kernel[1]].sum(axis=(1, 2))
        for a, b in itertools.product(*places)
    ]
    options = {"kernel_size": np.array(kernel), "stride": np.array(stride),
               "padding": np.array(padding)}  # fmt: skip
    for pool, area in ((nir.SumPool2d, 1), (nir.AvgPool2d, kernel[0] * kernel[1])):
        node = pool(**options)
        assert leaving_shape("pool", node, shape) == (shape[0], *(len(p) for p in places))
        result = unrolled("pool", node, shape) @ x.ravel()
        np.testing.assert_allclose(result, np.stack(rows, axis=1).ravel() / area, atol=1e-12)


def test_numbers_as_files_hold_them() -> None:
    """h5py gives NumPy scalars, and bytes for words."""
    weight = np.random.default_rng(2).normal(size=(2, 3, 3, 2))
    options = {"weight": weight, "groups": np.int64(1), "bias": np.zeros(2), "input_shape": None}
    one = nir.Conv2d(stride=1, padding="same", dilation=1, **options)
    other = nir.Conv2d(stride=np.int64(1), padding=b"same", dilation=np.array([1, 1]), **options)
    shape = (3, 5, 6)
    assert leaving_shape("conv", other, shape) == (2, 5, 6)
    matrices = [unrolled("conv", node, shape).toarray() for node in (one, other)]
    np.testing.assert_array_equal(matrices[0], matrices[1])


def conv2d(**options: Any) -> nir.Conv2d:
    weight = np.random.default_rng(3).normal(size=(4, 1, 3, 2))
    standard = {"input_shape": None, "weight": weight, "stride": 2, "padding": 1, "dilation": 1,
                "groups": 2, "bias": np.arange(4.0)}  # fmt: skip
    return nir.Conv2d(**standard | options)


def pictures() -> nir.NIRGraph:
    """Convolution, pool, Flatten and neurons; NIR itself infers shapes for squares only."""
    n = 4 * 2 * 2
    nodes = {
        "input": nir.Input(input_type=np.array([2, 7, 6])),
        "conv": conv2d(),
        "pool": nir.SumPool2d(kernel_size=np.array([2, 2]), stride=np.array([2, 2]),
                              padding=np.array([0, 0])),
        "flat": nir.Flatten(input_type=None, start_dim=0, end_dim=-1),
        "osc": nir.LIF(tau=np.full(n, 5e-3), r=np.full(n, 3.0), v_leak=np.zeros(n),
                       v_threshold=np.ones(n), v_reset=np.zeros(n)),
        "output": nir.Output(output_type=None),
    }  # fmt: skip
    edges = list(itertools.pairwise(nodes))
    return nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)


def test_pictures_run_through_convolution_pool_and_flatten() -> None:
    """Against the same steps with dense arrays."""
    given = np.random.default_rng(4).random((2, 200, 2, 7, 6))
    graph = pictures()
    v, expected = np.zeros((2, 16)), np.zeros((2, 200, 16), bool)
    conv = graph.nodes["conv"]
    for k, sample in itertools.product(range(200), range(2)):
        maps = convolved(given[sample, k], conv.weight, (2, 2), (1, 1), (1, 1), 2)
        maps += conv.bias[:, None, None]
        pooled = maps.reshape(4, 2, 2, 2, 2).sum(axis=(2, 4)).ravel()
        v[sample] += DT / 5e-3 * (3 * pooled - v[sample])
        expected[sample, k] = v[sample] > 1
        v[sample, expected[sample, k]] = 0
    assert 200 < expected.sum() < expected.size / 2
    recording = simulate(graph, given, DT)
    np.testing.assert_array_equal(recording.raster("osc"), expected)
    np.testing.assert_array_equal(recording.signal("output"), expected)
    flat = given.reshape(2, 200, -1)
    euler = run(graph, flat, dt=DT, method="euler", target="numpy")
    np.testing.assert_array_equal(euler.raster("osc"), expected)


def test_a_file_with_shapes_that_nir_gets_wrong(tmp_path: Path) -> None:
    """NIR infers (3, 4, 3) behind this kernel of 3 x 2, and files hold "same" as bytes."""
    given = np.random.default_rng(6).normal(size=(2, 4, 60))
    for padding, shape in ((0, (3, 4, 4)), ("same", (3, 6, 5))):
        weight = np.random.default_rng(5).normal(size=(3, 2, 3, 2))
        nodes = {
            "input": nir.Input(input_type=np.array([2, 6, 5])),
            "conv": conv2d(weight=weight, groups=1, stride=1, padding=padding, bias=np.ones(3)),
            "flat": nir.Flatten(input_type=None, start_dim=0),
            "output": nir.Output(output_type=None),
        }
        graph = nir.NIRGraph(nodes=nodes, edges=list(itertools.pairwise(nodes)))
        nir.write(tmp_path / "net.nir", graph)
        for built in (graph, nir.read(tmp_path / "net.nir")):
            signal = simulate(built, given, DT).signal("output")
            pictures = given.reshape(8, 2, 6, 5)
            around = (0, 0) if padding == 0 else "same"
            expected = [1 + convolved(x, weight, (1, 1), around, (1, 1), 1) for x in pictures]
            assert expected[0].shape == shape
            np.testing.assert_allclose(signal.reshape(8, *shape), expected, atol=1e-12)


def lone(node: Any, shape: tuple[int, ...]) -> nir.NIRGraph:
    """A node between an Input and an Output."""
    nodes = {"input": nir.Input(input_type=np.array(shape)), "node": node,
             "output": nir.Output(output_type=None)}  # fmt: skip
    return nir.NIRGraph(nodes=nodes, edges=list(itertools.pairwise(nodes)), type_check=False)


@pytest.mark.parametrize(
    ("node", "shape", "message"),
    [
        (conv2d(), (84,), r"shape \(84,\) arrives at Conv2d 'node', which takes \(2, N, M\); give"),
        (conv2d(input_shape=(7, 5)), (2, 7, 6), "84 channels arrive .* takes 70; make them fit"),
        (conv2d(padding="same"), (2, 7, 6), "padding 'same' at a stride of .*; give numbers"),
        (conv2d(stride=(0, 1)), (2, 7, 6), "stride of .*; give 2 whole numbers of at least 1"),
        (conv2d(groups=3), (2, 7, 6), "has 4 channels in 3 groups; give a number"),
        (conv2d(weight=np.ones((4, 3, 3))), (2, 7, 6), r"weight of shape .*; give \(channels out"),
        (conv2d(bias=np.zeros(3)), (2, 7, 6), "has a bias of 3 numbers .* each of its 4 channels"),
        (conv2d(padding=0), (2, 2, 6), "window of Conv2d 'node' is larger .*; use a smaller"),
        (nir.SumPool2d(kernel_size=np.array([2, 2]), stride=np.array([1, 1]),
                       padding=np.zeros((0, 0))), (1, 4, 4), r"padding of \[\]; give 2 whole"),
        (nir.AvgPool2d(kernel_size=np.array([2, 2]), stride=np.array([1, 1]),
                       padding=np.array([0, 0])), (16,), "arrives at AvgPool2d .* two dimensions"),
        (nir.Flatten(input_type=None, start_dim=2, end_dim=0), (2, 3, 4), "joins .* in order"),
        (conv2d(groups=1, weight=np.ones((512, 512, 3, 3)), bias=np.zeros(512)),
         (512, 512, 512), r"connections of Conv2d 'node' would take [\d,.]+ GiB, .* use fewer"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(node: Any, shape: tuple[int, ...], message: str) -> None:
    for simulator in (run, simulate):
        with pytest.raises(ValueError, match="^graph: .*" + message):
            simulator(lone(node, shape), dt=DT, steps=2)


def test_a_product_beyond_memory_is_refused_before_it_is_made() -> None:
    """A thousand to one and back: few weights, many paths."""
    many = np.ones(30_000)
    nodes = {
        "input": nir.Input(input_type=np.array([30_000])),
        "in": nir.Linear(weight=many[None, :]),
        "out": nir.Linear(weight=many[:, None]),
        "output": nir.Output(output_type=np.array([30_000])),
    }
    graph = nir.NIRGraph(nodes=nodes, edges=list(itertools.pairwise(nodes)))
    with pytest.raises(ValueError, match=r"^graph: .* path up to 'out' would take [\d,.]+ GiB"):
        simulate(graph, dt=DT, steps=2)


def test_dimensions_of_a_flatten() -> None:
    for start, end, shape in ((0, -1, (24,)), (1, 2, (2, 12)), (0, 1, (6, 4)), (-2, -1, (2, 12))):
        flat = nir.Flatten(input_type=np.array([2, 3, 4]), start_dim=start, end_dim=end)
        nodes = {"input": nir.Input(input_type=np.array([2, 3, 4])), "flat": flat,
                 "conv": nir.Conv1d(input_shape=None, weight=np.ones((1, shape[0], 1)), stride=1,
                                    padding=0, dilation=1, groups=1, bias=None),
                 "output": nir.Output(output_type=None)}  # fmt: skip
        edges = list(itertools.pairwise(nodes))
        if len(shape) == 1:
            nodes.pop("conv")
            edges = [("input", "flat"), ("flat", "output")]
        graph = nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)
        x = np.arange(24.0)[None]
        total = x.reshape(shape).sum(axis=0) if len(shape) == 2 else x[0]
        np.testing.assert_array_equal(simulate(graph, x, DT).signal("output")[0, 0], total)


def test_the_shape_of_a_convolution_that_keeps_it() -> None:
    node = conv2d(stride=1, padding="same")
    assert entering_shape("conv", node, (2, 9, 4)) == (2, 9, 4)
    assert leaving_shape("conv", node, (2, 9, 4)) == (4, 9, 4)

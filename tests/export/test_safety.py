"""Files that nobody vouches for: read says no, in bounded time and memory, and never crashes."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import textwrap
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest

import neurosc
from neurosc.cli import main
from neurosc.export import from_nir, read, to_nir, write
from neurosc.export.metadata import KEY, describe
from neurosc.export.shapes import Shape
from neurosc.export.units import UnitWarning
from neurosc.export.validation import Limits, validate

SHAPES: tuple[Shape, ...] = ("faithful", "portable", "flat")
SECONDS = 10.0
"""Ten times what is promised, for machines that do other things besides."""
MEGABYTE = 2**20


def network() -> neurosc.PhaseNetwork:
    return neurosc.topology.layered([3, 2, 2], rng=1)


def small() -> nir.NIRGraph:
    """Nested, with a loop: input -> w -> osc {input -> lif <-> rec, lif -> output} -> output."""
    one = np.ones(3)
    inner = {
        "input": nir.Input(input_type=np.array([3])),
        "lif": nir.LIF(tau=0.01 * one, r=one, v_leak=0 * one, v_threshold=one),
        "rec": nir.Linear(weight=np.eye(3)),
        "output": nir.Output(output_type=np.array([3])),
    }
    loop = [("input", "lif"), ("lif", "rec"), ("rec", "lif"), ("lif", "output")]
    nodes = {
        "input": nir.Input(input_type=np.array([2])),
        "w": nir.Affine(weight=np.ones((3, 2)), bias=np.zeros(3)),
        "osc": nir.NIRGraph(nodes=inner, edges=loop),
        "output": nir.Output(output_type=np.array([3])),
    }
    return nir.NIRGraph(
        nodes=nodes, edges=[("input", "w"), ("w", "osc"), ("osc", "output")], metadata={"by": "us"}
    )


def pictures() -> nir.NIRGraph:
    """Convolution, pooling and flattening, of which nir infers the shapes."""
    kernel = {"weight": np.ones((2, 1, 3, 3)), "bias": np.zeros(2), "groups": 1, "dilation": 1}
    two = np.array([2, 2])
    return nir.NIRGraph.from_list(
        nir.Input(input_type=np.array([1, 8, 8])),
        nir.Conv2d(input_shape=None, stride=1, padding=(0, 0), **kernel),
        nir.SumPool2d(kernel_size=two, stride=two, padding=0 * two),
        nir.Flatten(input_type=None, start_dim=0, end_dim=-1),
        nir.Output(output_type=None),
    )


def lines() -> nir.NIRGraph:
    kernel = {"weight": np.ones((2, 1, 3)), "bias": np.zeros(2), "groups": 1, "dilation": 1}
    return nir.NIRGraph.from_list(
        nir.Input(input_type=np.array([1, 8])),
        nir.Conv1d(input_shape=8, stride=1, padding="same", **kernel),
        nir.Output(output_type=None),
    )


GOOD: dict[str, Callable[[], nir.NIRGraph]] = {
    "small": small,
    "pictures": pictures,
    "lines": lines,
} | {shape: lambda shape=shape: to_nir(network(), eps=0.01, shape=shape) for shape in SHAPES}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_is_what_nir_reads(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.nir"
    write(GOOD[name](), path)
    assert_equal(read(path), nir.read(path))
    validate(read(path))


def assert_equal(one: Any, other: Any) -> None:
    """Nodes, edges and metadata, to the bit."""
    assert sorted(one.nodes) == sorted(other.nodes)
    assert one.edges == other.edges
    assert one.metadata == other.metadata
    for name, node in one.nodes.items():
        twin = other.nodes[name]
        assert type(node) is type(twin)
        if isinstance(node, nir.NIRGraph):
            assert_equal(node, twin)
            continue
        for field, value in vars(node).items():
            expected = vars(twin)[field]
            if isinstance(value, dict):
                assert str(value) == str(expected)
            else:
                assert np.asarray(value).dtype == np.asarray(expected).dtype
                assert np.asarray(value).tobytes() == np.asarray(expected).tobytes()


def put(file: Any, where: str, **options: Any) -> Any:
    """Replace a dataset."""
    if where in file:
        del file[where]
    return file.create_dataset(where, **options)


def bomb(file: Any) -> None:
    """A chunk of 24 bytes that unpacks to half a gigabyte."""
    data = put(file, W, shape=(3, 2), chunks=(3, 2), dtype="f4", compression="gzip")
    pack = zlib.compressobj(9)
    packed = b"".join(pack.compress(bytes(MEGABYTE)) for _ in range(512)) + pack.flush()
    data.id.write_direct_chunk((0, 0), packed)


def cut_chunk(file: Any) -> None:
    data = put(file, W, shape=(3, 2), chunks=(3, 2), dtype="f4", compression="gzip")
    data.id.write_direct_chunk((0, 0), zlib.compress(bytes(24))[:-5])


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout(shape=(3, 2), dtype="f8")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", shape=(3, 2))
    del file[W]
    file.create_virtual_dataset(W, layout)


def deep(file: Any) -> None:
    group = file["node/nodes"]
    for _ in range(40):
        group = group.create_group("osc2")
        group["type"] = "NIRGraph"
        group = group.create_group("nodes")


def many(file: Any) -> None:
    for k in range(1001):
        group = file["node/nodes"].create_group(f"n{k}")
        group["type"], group["scale"] = "Scale", np.ones(3)


def long_texts(file: Any) -> None:
    """Ten million characters as the name of every end of every edge."""
    put(file, "node/edges", data=[("x" * 10_000_000, "w")] * 40)


def cyclic(file: Any) -> None:
    file["node/nodes/osc/nodes/osc"] = file["node/nodes/osc"]


W = "node/nodes/w/weight"
LIF = "node/nodes/osc/nodes/lif"
TB = (2**40,)
BAD: dict[str, tuple[Callable[[Any], Any], str]] = {
    "soft link": (lambda f: f.__setitem__(f"{LIF}/a", h5py.SoftLink("/node")), "link to elsewhere"),
    "external link": (
        lambda f: f.__setitem__("node/nodes/a", h5py.ExternalLink("/etc/passwd", "/")),
        "link to elsewhere, which is not followed",
    ),
    "link in the root": (lambda f: f.__setitem__("a", h5py.SoftLink("/node")), "'a' is a link"),
    "two names": (lambda f: f.__setitem__("node/nodes/v", f["node/nodes/w"]), "under two names"),
    "cycle": (cyclic, "under two names"),
    "data in other files": (
        lambda f: put(f, W, shape=(3, 2), dtype="f8", external=[("/etc/hostname", 0, 48)]),
        "is kept in other files",
    ),
    "virtual data": (virtual, "is kept in other files"),
    "never written": (lambda f: put(f, W, shape=(3, 2), dtype="f8"), "48 bytes, which are not st"),
    "terabytes of fill value": (
        lambda f: put(f, W, shape=TB, dtype="f8", fillvalue=1.0),
        r"exceed 536,870,912 bytes; .* raise limits\.bytes",
    ),
    "terabytes of no chunks": (
        lambda f: put(f, W, shape=TB, dtype="f8", chunks=(2**16,)),
        "exceed 536,870,912 bytes",
    ),
    "chunks that are missing": (
        lambda f: put(f, W, shape=(999, 999), dtype="f8", chunks=(300, 300)),
        "parts that were never written",
    ),
    "compression bomb": (bomb, "unpacks to another size than the 24 bytes"),
    "chunk cut short": (cut_chunk, "unpacks to another size"),
    "lzf": (lambda f: put(f, W, data=np.ones((3, 2)), compression="lzf"), "only gzip"),
    "texts without end": (long_texts, "edges' has a text of 10,000,000 bytes in a list"),
    "half a billion letters": (
        lambda f: put(f, "node/edges", shape=(2**28,), dtype="S1", chunks=(2**28,)),
        "a list of 268,435,456 texts",
    ),
    "small pieces": (
        lambda f: put(f, W, shape=(40, 40), dtype="f8", chunks=(1, 1), fillvalue=0.0),
        "cut into 1,600 small pieces",
    ),
    "complex": (lambda f: put(f, W, data=np.ones((3, 2), "c16")), "neither real numbers"),
    "compound": (lambda f: put(f, W, data=np.ones(3, "f8,i4")), "neither real numbers"),
    "ragged": (
        lambda f: put(f, W, shape=(3,), dtype=h5py.vlen_dtype(np.float64)),
        "neither real numbers",
    ),
    "references": (lambda f: put(f, W, data=[f.ref], dtype=h5py.ref_dtype), "neither real"),
    "longdouble": (lambda f: put(f, W, data=np.ones((3, 2), "g")), "numbers of 16 bytes"),
    "bool": (lambda f: put(f, W, data=np.ones((3, 2), "?")), r"weight of node 'w' .* type bool"),
    "text as data": (lambda f: put(f, W, data="1"), r"weight of node 'w' .* is of type"),
    "null": (lambda f: put(f, W, data=h5py.Empty("f8")), "is empty"),
    "no channel": (lambda f: put(f, W, data=np.ones((3, 0))), "weight .* is empty"),
    "nan": (lambda f: f[W].__setitem__((1, 0), np.nan), r"weight of node 'w'.* is nan at \[1, 0\]"),
    "inf": (
        lambda f: f[f"{LIF}/tau"].__setitem__(2, np.inf),
        r"tau of node 'osc\.lif' \(LIF\) is inf at \[2\]",
    ),
    "bias": (
        lambda f: put(f, "node/nodes/w/bias", data=np.ones(2)),
        r"bias of node 'w' \(Affine\) has shape \[2\], but its weight gives \[3\]",
    ),
    "neurons": (
        lambda f: put(f, f"{LIF}/v_leak", data=np.ones(2)),
        r"node 'osc\.lif' .*differ in shape.*v_leak \[2\]",
    ),
    "vector as matrix": (lambda f: put(f, W, data=np.ones(3)), r"shape \[3\]; give a matrix"),
    "missing": (lambda f: f.__delitem__(f"{LIF}/tau"), "has no 'tau'; add it"),
    "too much": (lambda f: put(f, f"{LIF}/t_ref", data=np.ones(3)), "has a 't_ref', which nir 1.0"),
    "new type": (
        lambda f: put(f, f"{LIF}/type", data="Resonate"),
        r"node 'osc\.lif' is of type 'Resonate', which nir 1\.0\.8 does not know: take a newer",
    ),
    "no type": (lambda f: f.__delitem__("node/nodes/w/type"), "node 'w' has no type"),
    "no graph": (lambda f: put(f, "node/type", data="LIF"), "holds one LIF, no graph"),
    "no nodes": (lambda f: f.__delitem__("node/nodes"), "has no 'nodes'"),
    "no node": (lambda f: f.__delitem__("node"), "holds no 'node'"),
    "node is data": (lambda f: put(f, "node", data=1), "'node' is data, not a group"),
    "edge to nowhere": (
        lambda f: put(f, "node/edges", data=[("input", "w"), ("w", "x")]),
        "edge 'w' -> 'x' names no node 'x'",
    ),
    "edge twice": (
        lambda f: put(f, "node/edges", data=[("input", "w")] * 2),
        "edge 'input' -> 'w' 2 times",
    ),
    "edges of numbers": (lambda f: put(f, "node/edges", data=np.ones((2, 2))), "edge .* two names"),
    "edges of one": (lambda f: put(f, "node/edges", data=1.0), "are no list"),
    "sizes on an edge": (
        lambda f: put(f, "node/edges", data=[("input", "w"), ("input", "osc")]),
        r"edge 'input' -> 'osc' the first gives shape \[2\], the second takes \[3\]",
    ),
    "no Input": (lambda f: f.__delitem__("node/nodes/osc/nodes/input"), "'osc' has no Input node"),
    "no Output": (lambda f: f.__delitem__("node/nodes/output"), "it has no Output node; add one"),
    "negative size": (
        lambda f: put(f, "node/nodes/input/shape", data=np.array([-2])),
        r"shape .* is \[-2\]; give a list of sizes >= 1",
    ),
    "many channels": (
        lambda f: put(f, "node/nodes/input/shape", data=np.full(4, 2**30)),
        "channels; raise limits",
    ),
    "deep": (deep, r"nested too deep; .* limits\.depth above 8"),
    "many nodes": (many, "more than 1,000 nodes"),
    "long name": (lambda f: f["node/nodes"].create_group("n" * 300), "name .* 300 characters"),
    "name of control characters": (
        lambda f: f.move("node/nodes/w", "node/nodes/w\x1b[2J"),
        r"node name 'w\\x1b\[2J'; .* rename it",
    ),
    "a named type": (lambda f: f.__setitem__("node/nodes/t", np.dtype("f8")), "neither data nor"),
}  # fmt: skip


def hostile(name: str, folder: Path) -> Path:
    """A good file, made bad in one respect."""
    path = folder / f"{name}.nir"
    write(small(), path)
    with h5py.File(path, "r+") as file:
        BAD[name][0](file)
    return path


@pytest.mark.parametrize("name", BAD)
def test_a_hostile_file(name: str, tmp_path: Path) -> None:
    path = hostile(name, tmp_path)
    tracemalloc.start()
    start = time.perf_counter()
    try:
        with pytest.raises(ValueError, match=BAD[name][1]) as caught:
            read(path)
        took, peak = time.perf_counter() - start, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(caught.value).startswith(f"path: {path}")
    assert took < SECONDS
    assert peak < 64 * MEGABYTE


def test_shapes_that_nir_infers_must_fit_too(tmp_path: Path) -> None:
    write(pictures(), tmp_path / "net.nir")
    with h5py.File(tmp_path / "net.nir", "r+") as file:
        put(file, "node/nodes/output/shape", data=np.array([17]))
    with pytest.raises(ValueError, match=r"nir cannot build the graph \(ValueError.*; correct it"):
        read(tmp_path / "net.nir")
    for field, value in (("stride", 0), ("padding", -1), ("dilation", 2**40), ("groups", [1, 1])):
        write(pictures(), tmp_path / "net.nir")
        with h5py.File(tmp_path / "net.nir", "r+") as file:
            put(file, f"node/nodes/conv2d/{field}", data=value)
        with pytest.raises(ValueError, match=rf"net\.nir: {field} of node 'conv2d' \(Conv2d\)"):
            read(tmp_path / "net.nir")


READ_ALL = """
    import resource, sys, warnings
    from pathlib import Path
    from neurosc.export import read
    import h5py, nir
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + 256 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for path in sorted(Path(sys.argv[1]).iterdir()):
        try:
            read(path)
        except ValueError as error:
            assert str(error).startswith("path: "), error
            assert "MemoryError" not in str(error), error
        else:
            raise SystemExit(f"{path} was read")
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit is one of Linux")
def test_hostile_files_in_a_quarter_of_a_gigabyte(tmp_path: Path) -> None:
    for name in BAD:
        hostile(name, tmp_path)
    run(READ_ALL, str(tmp_path))


def run(code: str, *arguments: str) -> str:
    """Run Python in a process of its own, where HDF5 may crash."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


DAMAGE = """
    import random, sys, time
    from collections import Counter
    from pathlib import Path
    from neurosc.export import read
    from neurosc.export.validation import validate

    source, rng, found = Path(sys.argv[1]), random.Random(0), Counter()
    good, path = source.read_bytes(), source.with_name("damaged.nir")

    def attempt(data):
        path.write_bytes(data)
        start = time.perf_counter()
        try:
            validate(read(path))
        except ValueError as error:
            assert str(error).startswith("path: "), error
            found["refused"] += 1
        else:
            found["read"] += 1
        assert time.perf_counter() - start < 10, "too slow"

    for _ in range(60):
        attempt(good[: rng.randrange(len(good))])
    assert found["read"] == 0, "a file that was cut short has been read"
    for _ in range(250):
        data = bytearray(good)
        for _ in range(rng.choice([1, 2, 4, 8])):
            data[rng.randrange(len(data))] = rng.choice([0, 255, rng.randrange(256)])
        attempt(bytes(data))
    assert found["read"] and found["refused"] > 60, found
"""


def test_damaged_files_are_refused_or_valid(tmp_path: Path) -> None:
    path = tmp_path / "net.nir"
    write(small(), path)
    run(DAMAGE, str(path))


def test_the_limits_are_the_users(tmp_path: Path) -> None:
    path = hostile("many nodes", tmp_path)
    with pytest.raises(ValueError, match=r"limits\.edges above 1 "):
        read(path, limits=Limits(nodes=2000, edges=1))
    write(small(), path)
    for tight in ({"nodes": 7}, {"edges": 6}, {"depth": 1}, {"name_length": 5}, {"bytes": 200}):
        with pytest.raises(ValueError, match=rf"limits\.{next(iter(tight))}|give 1 to 5"):
            read(path, limits=Limits(**tight))
    read(path, limits=Limits(nodes=8, edges=7, depth=2, bytes=1000))
    with pytest.raises(ValueError, match="depth: 1000 is more than can be run; give 64"):
        Limits(depth=1000)
    with pytest.raises(ValueError, match="nodes: 0 is below 1"):
        Limits(nodes=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_written_comes_back_to_the_bit(shape: Shape, tmp_path: Path) -> None:
    graph = to_nir(network(), eps=0.01, shape=shape)
    write(graph, tmp_path / "net.nir")
    back = read(tmp_path / "net.nir")
    back.edges, graph.edges = sorted(back.edges), sorted(graph.edges)
    for name, node in graph.nodes.items():
        if isinstance(node, nir.NIRGraph):
            node.edges, back.nodes[name].edges = sorted(node.edges), sorted(back.nodes[name].edges)
    assert_equal(back, graph)
    assert describe(from_nir(back)) == describe(network())


def test_a_graph_in_memory() -> None:
    graph = small()
    before = graph.to_dict()
    validate(graph)
    assert str(graph.to_dict()) == str(before)
    for change, message in (
        (lambda g: g.nodes.update({"a/b": g.nodes["w"]}), "node name 'a/b'; HDF5 needs"),
        (lambda g: g.nodes.update({1: g.nodes["w"]}), "node name 1; give a text"),
        (lambda g: g.nodes.update({"": g.nodes["w"]}), "name of 0 characters"),
        (lambda g: g.nodes.update({"w": object()}), "node 'w' is of type 'object'"),
        (lambda g: g.nodes["w"].weight.fill(np.nan), r"weight of node 'w' \(Affine\) is nan"),
        (lambda g: setattr(g.nodes["w"], "bias", "1"), "bias of node 'w' .* is of type <U1"),
        (lambda g: setattr(g.nodes["w"], "bias", None), "has no 'bias'; add it"),
        (lambda g: g.edges.append(("w",)), "edge .* two names"),
        (lambda g: setattr(g, "edges", 3), "are no list"),
        (lambda g: setattr(g, "nodes", []), "have no names"),
        (lambda g: g.edges.append(("output", "nowhere")), "names no node 'nowhere'"),
        (lambda g: g.nodes["osc"].edges.append(("input", "nowhere")), "edge 'osc.input' -> 'osc.n"),
    ):
        graph = small()
        change(graph)
        with pytest.raises(ValueError, match=rf"graph: .*{message}"):
            validate(graph)
    with pytest.raises(ValueError, match="graph: expected a NIRGraph, not Linear; wrap"):
        validate(nir.Linear(weight=np.eye(2)))


def test_nesting_without_end() -> None:
    graph = small()
    graph.nodes["osc"].nodes["again"] = graph
    with pytest.raises(ValueError, match=r"nested 9 deep; flatten .* raise limits\.depth above 8"):
        validate(graph)
    with pytest.raises(ValueError, match="nested 65 deep"):
        validate(graph, limits=Limits(depth=64))
    graph = small()
    for _ in range(6):  # 10^6 nodes made of ten
        nodes = {f"n{k}": graph for k in range(10)}
        nodes |= {"input": small().nodes["input"], "output": small().nodes["output"]}
        graph = nir.NIRGraph(nodes=nodes, edges=[], type_check=False)
    with pytest.raises(ValueError, match="more than 1,000 nodes"):
        validate(graph)


def test_edges_into_nested_graphs_count_each_time() -> None:
    """For nir checks a nested graph once for each edge into it, and so on inwards."""
    graph = small().nodes["osc"]
    for _ in range(6):
        nodes = {"input": graph.nodes["input"], "output": graph.nodes["output"], "in": graph}
        nodes |= {f"s{k}": nir.Scale(scale=np.ones(3)) for k in range(9)}
        edges = [("in", "output")]
        edges += [e for k in range(9) for e in (("input", f"s{k}"), (f"s{k}", "in"))]
        graph = nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)
    with pytest.raises(ValueError, match="those of nested graphs counted at each edge to them"):
        validate(graph)


def packed(array: Any) -> str:
    return base64.b64encode(zlib.compress(np.asarray(array).tobytes(), 9)).decode()


ZEROS = base64.b64encode(zlib.compress(bytes(64 * MEGABYTE), 9)).decode()
HOSTILE_METADATA: dict[str, tuple[list[str], Any]] = {
    "zlib bomb": (["network", "frequency"], ZEROS),
    "bomb of couplings": (["network", "coupling", "values"], ZEROS),
    "cut short": (["network", "field"], packed(np.zeros(7, complex))[:-8]),
    "too few": (["network", "field"], packed(np.zeros(6, complex))),
    "no multiple of 8 bytes": (["network", "frequency"], packed(np.zeros(3, np.uint8))),
    "huge n": (["network", "coupling", "n"], 10**9),
    "n of 400 digits": (["network", "coupling", "n"], 10**400),
    "n is true": (["network", "coupling", "n"], True),
    "n is a text": (["network", "coupling", "n"], "7"),
    "negative indices": (["network", "coupling", "i"], packed(np.full(10, -1))),
    "large indices": (["network", "coupling", "j"], packed(np.full(10, 2**62))),
    "fewer indices": (["network", "coupling", "j"], packed(np.zeros(1, np.int64))),
    "infinite coupling": (["network", "coupling", "values"], packed(np.full(10, np.inf))),
    "number as text": (["network", "field"], 5),
    "no base64": (["network", "field"], "\u00e4"),
    "negative inputs": (["network", "inputs"], [-1]),
    "nested inputs": (["network", "inputs"], [[[0]]]),
    "huge inputs": (["network", "inputs"], [10**400]),
    "inputs of objects": (["network", "inputs"], [{}]),
    "reference": (["network", "reference"], {"a": 1}),
    "encoding": (["network", "encoding"], ["phase"]),
    "infinite scale": (["network", "encoding"], ["phase", "inf"]),
    "scale out of range": (["network", "encoding"], ["phase", "0x1p99999"]),
    "network is a list": (["network"], []),
    "eps": (["eps"], "-0x1p-3"),
    "eps is nan": (["eps"], "nan"),
    "period": (["period"], "inf"),
    "steps": (["steps_per_cycle"], 1e300),
    "no steps": (["steps_per_cycle"], 0),
}


@pytest.mark.parametrize("name", HOSTILE_METADATA)
def test_hostile_metadata(name: str) -> None:
    graph = to_nir(network(), eps=0.01)
    values = json.loads(graph.metadata[KEY])
    (*path, last), value = HOSTILE_METADATA[name]
    place = values
    for key in path:
        place = place[key]
    assert last in place
    place[last] = value
    graph.metadata[KEY] = json.dumps(values)
    refuses_metadata(graph)


@pytest.mark.parametrize("text", ["[" * 10**5, '{"a":' * 10**5, "1" * 5000, b"\xff", 7, None])
def test_metadata_that_is_no_json(text: Any) -> None:
    graph = to_nir(network(), eps=0.01)
    graph.metadata[KEY] = text
    refuses_metadata(graph)


def refuses_metadata(graph: nir.NIRGraph) -> None:
    tracemalloc.start()
    start = time.perf_counter()
    try:
        with pytest.raises(ValueError, match=r"graph: its metadata 'neurosc' .*; write it again"):
            from_nir(graph)
        assert time.perf_counter() - start < SECONDS
        assert tracemalloc.get_traced_memory()[1] < 16 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_a_foreign_graph_is_told_what_it_is() -> None:
    told = (
        r"graph: 2 Affine, 1 Input.*; 3 neurons; 9 synapses; recurrent; nested 2 deep; "
        r"time constants 0\.01 to 0\.01 s; without the description of an oscillator network, "
        r"which only graphs of to_nir .* export\.run and export\.simulate run it, with a dt, "
        r"export\.check holds it against chips"
    )
    graph = small()
    del graph.metadata["by"]
    with pytest.raises(ValueError, match=told.replace("2 Affine", "1 Affine")):
        from_nir(graph)
    pools = nir.NIRGraph.from_list(
        nir.Input(input_type=np.array([1, 4, 4])),
        nir.AvgPool2d(kernel_size=np.ones(2), stride=np.ones(2), padding=np.zeros(2)),
        nir.Output(output_type=None),
    )
    with pytest.raises(ValueError, match=r"graph: kernel_size of node .* whole numbers"):
        from_nir(pools)
    graph.nodes["osc"].nodes["again"] = graph
    with pytest.raises(ValueError, match=r"graph: .* deep"):
        from_nir(graph)


def test_times_in_another_unit_are_told_once(tmp_path: Path) -> None:
    graph = small()
    graph.nodes["osc"].nodes["lif"].tau[1] = 20.0
    write(graph, tmp_path / "net.nir")
    with pytest.warns(UnitWarning, match=r"net\.nir: osc\.lif: tau is 20 s, .*hxtorch") as caught:
        read(tmp_path / "net.nir")
    assert len(caught) == 1
    assert caught[0].filename == __file__
    graph.nodes["osc"].nodes["lif"].tau[:] = [1e-6, 10.0, 0.01]
    write(graph, tmp_path / "net.nir")
    read(tmp_path / "net.nir")
    graph.nodes["osc"].nodes["lif"].tau[0] = 9e-7
    write(graph, tmp_path / "net.nir")
    with pytest.warns(UnitWarning, match=r"osc\.lif: tau is 9e-07 s"):
        read(tmp_path / "net.nir")


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = hostile("compression bomb", tmp_path)
    assert main(["check", str(path)]) == 1
    assert f"neurosc check: path: {path}: " in capsys.readouterr().err
    assert main(["evaluate", str(path), "--on", "nir"]) == 1
    told = capsys.readouterr().err
    assert "neurosc evaluate: model: " in told
    assert "is a NIR graph, which has no cost; give the .npz" in told
    graph = small()
    graph.nodes["osc"].nodes["lif"].tau[:] = 20.0
    write(graph, tmp_path / "ms.nir")
    assert main(["check", str(tmp_path / "ms.nir")]) == 0
    assert "warning  " in capsys.readouterr().out.splitlines()[0]
    assert main(["check", str(tmp_path / "ms.nir"), "--target", "brainscales2"]) == 1
    printed = capsys.readouterr().out
    assert "looks like another unit" not in printed
    assert "milliseconds" in printed

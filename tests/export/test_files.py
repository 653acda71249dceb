"""write and read: whole files or none, and errors that say what is wrong."""

from pathlib import Path

import nir
import numpy as np
import pytest

import neurosc
from neurosc.export import from_nir, read, to_nir, write
from neurosc.export.metadata import KEY, describe


def graph_of(*sizes: int) -> nir.NIRGraph:
    return to_nir(neurosc.topology.layered(sizes, rng=1), eps=0.01)


def test_a_digits_network_through_a_file(tmp_path: Path) -> None:
    network = neurosc.topology.layered([64, 20, 10], rng=0)
    graph = to_nir(network, eps=0.1)
    write(graph, tmp_path / "net.nir")
    back = read(tmp_path / "net.nir")
    assert describe(from_nir(back)) == describe(network)
    assert sorted(back.nodes) == sorted(graph.nodes)
    assert set(back.edges) == set(graph.edges)
    for name, node in graph.nodes.items():
        for key, value in node.to_dict().items():
            np.testing.assert_array_equal(back.nodes[name].to_dict()[key], value, err_msg=name)


def test_metadata_may_be_longer_than_an_hdf5_attribute(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    K = np.tril(rng.standard_normal((180, 180)), -1)
    network = neurosc.PhaseNetwork(K + K.T)
    graph = to_nir(network, eps=0.01)
    assert len(graph.metadata[KEY]) > 2 * 65536
    write(graph, tmp_path / "net.nir")
    assert describe(from_nir(read(tmp_path / "net.nir"))) == describe(network)


@pytest.mark.parametrize("part", [0.3, 0.9, 0.999])
def test_a_truncated_file(tmp_path: Path, part: float) -> None:
    path = tmp_path / "net.nir"
    write(graph_of(4, 3, 2), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(ValueError, match=r"path: .*net\.nir is HDF5, but no complete NIR graph"):
        read(path)


def test_files_of_other_kinds(tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "some.nir"
    with pytest.raises(FileNotFoundError, match=r"path: there is no file"):
        read(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"path: .* is empty"):
        read(path)
    path.write_text("a text")
    with pytest.raises(ValueError, match=r"path: .* is not HDF5"):
        read(path)
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(3)
    with pytest.raises(ValueError, match=r"path: .*some\.nir: it holds no 'node'; give a file"):
        read(path)
    nir.write(path, nir.Linear(weight=np.eye(2)))
    with pytest.raises(ValueError, match=r"it holds one Linear, no graph; wrap it in a graph"):
        read(path)


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.nir"
    write(graph_of(4, 3, 2), path)
    before = path.read_bytes()

    def fail(name: str, graph: nir.NIRGraph) -> None:
        Path(name).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(nir, "write", fail)
    with pytest.raises(OSError, match="disk full"):
        write(graph_of(5, 3, 2), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="graph: expected a NIRGraph, not ndarray"):
        write(np.zeros(3), tmp_path / "net.nir")
    with pytest.raises(FileNotFoundError, match="path: the folder"):
        write(graph_of(4, 3, 2), tmp_path / "none" / "net.nir")

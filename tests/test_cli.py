"""The command line: what a stranger types, and what happens when it is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pandas as pd
import pytest

from neurosc import autograd, datasets, export, load
from neurosc.cli import main
from neurosc.hw_models import Device, FrequencyMismatch, WeightQuantization

COMMANDS = [
    "demo",
    "train",
    "evaluate",
    "export",
    "check",
    "verify",
    "robustness",
    "study",
    "devices",
    "info",
]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of three easy classes."""
    path = tmp_path_factory.mktemp("data") / "blobs.csv"
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    x = 0.2 + 0.5 * np.eye(4)[y] + 0.05 * rng.standard_normal((90, 4))
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header="a,b,c,d,class", comments="")
    return path


@pytest.fixture(scope="module")
def model(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained by the command."""
    path = tmp_path_factory.mktemp("model") / "model.npz"
    arguments = ["train", str(path), "--data", str(table), "--sizes", "4", "5", "3"]
    assert main([*arguments, "--epochs", "15", "--batch-size", "8"]) == 0
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"example:\n  neurosc {command}" in capsys.readouterr().out


def test_nothing_and_nonsense_are_usage_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: neurosc" in capsys.readouterr().out
    for wrong in (["fly"], ["demo", "--wings"], ["train"]):
        with pytest.raises(SystemExit) as end:
            main(wrong)
        assert end.value.code == 2


def test_train_leaves_the_model_only(model: Path) -> None:
    assert [p.name for p in model.parent.iterdir()] == ["model.npz"]
    assert load(model).n == 12


@pytest.mark.parametrize("extra", [[], ["--on", "chips", "--chips", "3", "--noise", "0"]])
def test_evaluate(
    model: Path, table: Path, extra: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(model), "--data", str(table), *extra]) == 0
    out = capsys.readouterr().out
    assert "90 samples: accuracy" in out
    assert out.count("  chip ") == (3 if extra else 0)


def test_info_and_export(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(model)]) == 0
    assert "CosineCost" in capsys.readouterr().out
    file = tmp_path / "model.nir"
    assert main(["export", str(model), str(file), "--eps", "0.05"]) == 0
    assert main(["info", str(file)]) == 0
    assert "PhaseNetwork(12 oscillators" in capsys.readouterr().out
    assert main(["export", str(model), str(file)]) == 1
    assert "exists" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["loihi2", "norse"])
def test_export_for_a_target(
    target: str, model: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "model.nir"
    arguments = ["export", str(model), str(file), "--target", target, "--steps-per-cycle", "64"]
    run = ["--verify", "--data", str(table), "--samples", "6", "--cycles", "200"]
    assert main([*arguments, "--pairs", "2", *run]) == 0
    out = capsys.readouterr().out
    told = "quantised for loihi2" if target == "loihi2" else "norse takes float32: nothing to"
    assert told in out
    assert re.search(rf"{target} \(.*\): suits", out)
    assert "running 6 samples for 200 cycles" in out
    assert re.search(r"accuracy +ideal \d+\.\d+%, exported \d+\.\d+%", out)
    assert re.search(r"phase error +median \d", out)
    assert main(["check", str(file), "--target", target]) == 0


def test_a_verified_file_is_compiled_for_the_training_samples(
    model: Path, table: Path, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"target": "norse", "steps_per_cycle": 64, "pairs": 2}
    options = ["--target", "norse", "--steps-per-cycle", "64", "--pairs", "2"]
    run = ["--verify", "--data", str(table), "--samples", "1", "--cycles", "1"]
    assert main(["export", str(model), str(tmp_path / "file.nir"), *options, *run]) == 0
    samples = datasets.read_csv(table).x[:64]
    for given, alike in ((samples, True), (None, False)):
        export.write(export.to_nir(load(model), samples=given, **settings), tmp_path / "other.nir")
        weights = [
            np.concatenate([w.ravel() for w in weights_of(export.read(tmp_path / name))])
            for name in ("file.nir", "other.nir")
        ]
        assert np.array_equal(*weights) == alike


def weights_of(graph: nir.NIRGraph) -> Iterator[Any]:
    for node in graph.nodes.values():
        if isinstance(node, nir.NIRGraph):
            yield from weights_of(node)
        elif hasattr(node, "weight"):
            yield node.weight


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "lohi2"], "target: there is no 'lohi2'; did you mean 'loihi2'?"),
        (["--target", "speck"], "target: speck cannot hold this network"),
        (["--target", "loihi2", "--bits", "9"], "bits: 9 is out of range"),
        (["--target", "loihi2", "--shape", "portable"], "shape: loihi2 does not take 'portable'"),
        (["--shape", "round"], "shape: 'round' is none; give one of 'faithful'"),
        (["--bits", "8"], "bits: only a target has a grid; add --target"),
        (["--verify"], "verify: runs portable and flat graphs; add --target"),
    ],
)
def test_export_tells_what_is_wrong_and_writes_nothing(
    arguments: list[str],
    message: str,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "model.nir"
    assert main(["export", str(model), str(file), "--steps-per-cycle", "64", *arguments]) == 1
    assert f"neurosc export: {message}" in capsys.readouterr().err
    assert not file.exists()


def test_devices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices"]) == 0
    out = capsys.readouterr().out
    assert "fpga-digital" in out
    assert main(["devices", "vo2-relaxation"]) == 0
    out = capsys.readouterr().out
    assert "assumed: period jitter" in out
    assert "D/K = " in out
    assert main(["devices", "vo2"]) == 1
    assert "no preset 'vo2'; use vo2-relaxation" in capsys.readouterr().err


def test_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "verify.png"
    arguments = ["verify", "--sizes", "6", "20", "--sparse", "600", "--figure", str(picture)]
    assert main([*arguments, "--betas", "1", "0.3", "0.1", "0.03"]) == 0
    out = capsys.readouterr().out
    for scheme, order in (("one-sided", 1), ("symmetric", 2), ("holomorphic 4", 4)):
        found = re.search(rf"^{scheme}: error ~ beta\^p with p = (\S+) to (\S+)$", out, re.M)
        assert found is not None
        assert [float(p) for p in found.groups()] == pytest.approx([order, order], abs=0.1)
    assert "finite differences" in out
    assert "N = [600]: holomorphic nudges and PyTorch left out" in out
    assert ("pip install 'neurosc[verify]'" in out) is not autograd.is_installed()
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(["verify", "--sizes", "--sparse"]) == 1
    assert "no network to verify" in capsys.readouterr().err


def test_robustness(
    model: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same command again reads what is there; another study needs another folder."""
    out = tmp_path / "out"
    command = ["robustness", str(model), "--data", str(table), "--device", "lc-oscillator"]
    command += ["--chips", "3", "--jobs", "1", "--out", str(out), "--gradients", "0.1"]
    command += ["--sensitivity", "one-at-a-time", "--samples", "20"]
    assert main([*command, "--levels", "0", "0.1", "1"]) == 0
    said = capsys.readouterr().out
    assert "3 chips of lc-oscillator were measured on 20 samples each." in said
    assert "The network holds 95% of its accuracy" in said
    assert f"wrote {out / 'report.html'}" in said
    page = (out / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 5
    assert "http" not in page
    before = pd.read_parquet(out / "sweep")
    assert main([*command, "--levels", "0", "0.1", "1"]) == 0
    assert pd.read_parquet(out / "sweep").equals(before)
    assert main([*command, "--levels", "0", "0.2"]) == 1
    assert "holds another study (parameters differs" in capsys.readouterr().err


def test_robustness_of_a_device_in_a_file(
    model: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.json"
    file.write_text(Device(FrequencyMismatch(0.1), WeightQuantization(4), name="mine").to_json())
    command = ["robustness", str(model), "--data", str(table), "--device", str(file)]
    command += ["--chips", "2", "--jobs", "1", "--out", str(tmp_path / "out")]
    assert main([*command, "--levels", "2", "8", "--parameter", "WeightQuantization"]) == 0
    said = capsys.readouterr().out
    assert "With WeightQuantization.bits at 8 bits the mean accuracy is" in said


def test_errors_have_no_traceback(
    model: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.npz"
    broken.write_bytes(model.read_bytes()[:100])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    new = str(tmp_path / "new.npz")
    study = ["robustness", str(model), "--data", str(table), "--out", str(tmp_path / "study")]
    for arguments, message in [
        (["info", str(tmp_path / "nowhere.npz")], "does not exist"),
        (["info", str(broken)], "truncated or not a neurosc file"),
        (["evaluate", str(model), "--data", "nowhere.csv"], "give digits or a .csv file"),
        (["evaluate", str(model), "--data", "digits"], "does not fit 4 inputs"),
        (["train", str(model), "--data", str(table)], "add --overwrite"),
        (["train", new, "--data", str(table), "--sizes", "4", "2"], "outside the 2 classes"),
        (["demo", "--out", str(tmp_path / "full")], "not empty; name another or add --overwrite"),
        (["demo", "--out", str(broken)], "is a file"),
        (["demo", "--images", "0", "--out", new], "images: 0 is too few"),
        ([*study, "--device", "vo2", "--levels", "1"], "no preset 'vo2'; use vo2-relaxation"),
        ([*study, "--device", "a.json", "--levels", "1"], "device: a.json does not exist"),
        ([*study, "--device", "lc-oscillator", "--levels", "-1"], "levels: -1 is a negative"),
    ]:
        assert main(arguments) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"neurosc {arguments[0]}: ")
        assert message in error
        assert "Traceback" not in error


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        main(["info", str(tmp_path / "nowhere.npz"), "--debug"])


def test_interrupted_training_goes_on(table: Path, tmp_path: Path) -> None:
    """A kill leaves a checkpoint from which the same command ends with the same model."""
    arguments = ["--data", str(table), "--sizes", "4", "5", "3", "--epochs", "300"]
    killed, whole = tmp_path / "killed.npz", tmp_path / "whole.npz"
    command = [sys.executable, "-m", "neurosc", "train", str(killed), *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    checkpoint = tmp_path / "killed.npz.checkpoint"
    while not checkpoint.exists() and process.poll() is None:
        pass
    process.kill()
    process.communicate()
    assert checkpoint.exists()
    assert not killed.exists()
    assert main(["train", str(killed), *arguments]) == 0
    assert main(["train", str(whole), *arguments]) == 0
    assert (load(killed).coupling == load(whole).coupling).all()
    assert not checkpoint.exists()


def test_a_reader_may_stop_reading() -> None:
    command = [sys.executable, "-m", "neurosc", "devices", "pcm-array"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0

"""The studies of vowels, on data that the project does not commit, and their tools on others."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from neurosc import studies
from neurosc.randomness import substream
from neurosc.studies import ablation, data, vowels
from neurosc.studies.kuramoto import layered_kuramoto, seeded

ROOT = np.random.SeedSequence(11)
FILE = Path(
    os.environ.get(
        "NEUROSC_VOWELS", Path(__file__).parents[2] / "shared" / "data" / "hillenbrand_vowels.csv"
    )
)
needs_vowels = pytest.mark.skipif(
    not FILE.is_file(), reason="no vowels; name their file in NEUROSC_VOWELS"
)


@needs_vowels
def test_vowels_are_split_by_class_and_scaled_by_the_training_part() -> None:
    train, test = data.vowels("aeiou", 3, str(FILE))
    assert (len(train.y), len(test.y)) == (551, 138)
    assert train.x.min(axis=0) == pytest.approx([-1, -1])
    assert train.x.max(axis=0) == pytest.approx([1, 1])
    assert np.abs(np.bincount(test.y) - 27.6).max() < 1
    swapped = data.vowels("ia", 3, str(FILE))[1]
    assert set(swapped.y.tolist()) == {0, 1}
    assert swapped.x[swapped.y == 0, 1].mean() > 0 > swapped.x[swapped.y == 1, 1].mean()


def test_other_files_and_letters_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "vowels.csv"
    other.write_text("vowel,F1,F2\na,1,2\n")
    with pytest.raises(ValueError, match=r"data: .* has sha256 .* download https://"):
        data.vowels("ai", 0, str(other))
    with pytest.raises(FileNotFoundError, match=r"data: .* does not exist; download https://"):
        data.vowels("ai", 0, str(tmp_path / "none.csv"))


@needs_vowels
def test_unknown_vowels_are_told() -> None:
    with pytest.raises(ValueError, match="which: 'ay' are no vowels"):
        data.vowels("ay", 0, str(FILE))


def test_a_download_that_fails_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.datasets

    def offline(url: str, **_: object) -> str:
        raise OSError("no network")

    monkeypatch.setattr(sklearn.datasets, "fetch_file", offline)
    with pytest.raises(OSError, match=r"data: .*no network.* --data FILE"):
        data.vowels_file()


def test_a_download_is_asked_for_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.datasets

    def fetched(url: str, *, sha256: str, **_: object) -> str:
        assert url.endswith("hillenbrand_vowels.csv")
        assert sha256 == data.VOWELS_SHA256
        return str(tmp_path)

    monkeypatch.setattr(sklearn.datasets, "fetch_file", fetched)
    assert data.vowels_file() == tmp_path


@needs_vowels
@pytest.mark.parametrize("which", ["ai", "ia"])
def test_both_label_orders_are_learnt_from_a_random_start(which: str) -> None:
    settings = vowels.conditions(data=str(FILE))["a/i anchored"] | {"which": which}
    row = vowels.measure(4, substream(ROOT, "seed", 4), **settings)
    assert row["accuracy"] > 0.95
    assert row["unlocked"] == row["diverged"] == 0


@needs_vowels
def test_the_study_of_vowels_draws() -> None:
    result = studies.run("vowels", seeds=1, data=str(FILE), epochs=3)
    assert result.table["accuracy"].between(0, 1).all()
    assert "five logistic regression" in set(result.table["condition"])
    assert result.figure.axes


@needs_vowels
def test_the_ablation_draws_and_tells() -> None:
    result = studies.run("ablation", seeds=1, data=str(FILE), epochs=1)
    assert len(result.figure.axes) == 3
    assert result.reading.count(" win. ") == 2
    rates = result.table[result.table["condition"].str.fullmatch(r"frequencies, rate [\d.]+")]
    highest = rates["published_readout_accuracy"].max()
    assert f"at its best rate: frequencies {highest:.1%} (rate " in result.reading
    assert "nan" not in result.reading


@needs_vowels
def test_the_published_read_out_cannot_tell_its_own_targets_apart() -> None:
    settings = ablation.conditions(data=str(FILE), epochs=150)["both, rate 1"]
    row = ablation.measure(0, substream(ROOT, "seed", 0), **settings)
    assert row["accuracy"] > 0.9
    assert row["published_readout_accuracy"] < row["accuracy"] - 0.2


def test_seeds_push_outputs_apart_in_their_order() -> None:
    for outputs in (2, 3, 5):
        network = layered_kuramoto(4, outputs, rng=2)
        apart = seeded(network, 0.2)
        assert np.abs(apart.frequency).max() == pytest.approx(0.2)
        assert not apart.frequency[apart.inputs].any()
        mine = apart.frequency[apart.outputs]
        assert (np.diff(mine) < 0).all()
    with pytest.raises(ValueError, match="network: has 1 outputs"):
        seeded(layered_kuramoto(4, 1, rng=2))


def test_seeds_of_two_outputs_are_those_of_the_laplacian() -> None:
    network = layered_kuramoto(rng=3)
    laplacian = np.diag(network.coupling.sum(axis=1)) - network.coupling
    frequency = seeded(network).frequency
    contrast = np.zeros(9)
    contrast[[7, 8]] = 1, -1
    expected = np.linalg.pinv(laplacian) @ contrast
    free = np.arange(2, 9)
    assert np.corrcoef(frequency[free], expected[free])[0, 1] == pytest.approx(1)


def test_matched_couplings_are_so_many_edges() -> None:
    network = layered_kuramoto(rng=3)
    mask = ablation.some_edges(network, 7, ROOT)
    assert mask.sum() == 14
    assert (mask == mask.T).all()
    assert network.coupling[mask].all()


@pytest.mark.slow
@needs_vowels
def test_vowels_pass_the_published_figures() -> None:
    result = studies.run("vowels", jobs=-1, data=str(FILE))
    rows = result.summary[result.summary["measure"] == "accuracy"].set_index("condition")
    mean, lowest = rows["mean"].to_dict(), rows["lowest"].to_dict()
    for order in ("a/i", "i/a"):
        for kind in ("anchored", "floating"):
            assert mean[f"{order} {kind}"] >= 0.99
            assert lowest[f"{order} {kind}"] > 0.95
    assert mean["o/u anchored"] >= 0.82
    assert mean["u/o anchored"] >= 0.82
    assert mean["five vowels"] > 0.891

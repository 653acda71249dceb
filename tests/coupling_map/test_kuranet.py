"""What the study of coupling maps measures, on experiments of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurosc import studies
from neurosc.coupling_map import coupling_correlation

GROUPS = 'kind = "groups"\ngroups = 2\n[map]\nhidden = [4, 4]\nnormalise = "graph"\n'
FREQUENCIES = 'kind = "frequencies"\n[map]\nhidden = [4, 4]\ndegree = 4.0\n'


@pytest.mark.parametrize("source", [FREQUENCIES, GROUPS], ids=["frequencies", "groups"])
def test_the_row_has_controls_and_what_was_learned(source: str, tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(f'about = "small"\n[source]\n{source}[train]\nbatches = 2\nn = 8\n')
    (row,) = studies.run("kuranet", seeds=1, experiment=str(file)).table.to_dict("records")
    assert row["direct"] < row["uniform"]
    assert np.isnan(row["c_x"]) or -1 <= row["c_x"] <= 1  # NaN: no coupling pulls
    assert np.isnan(row["rand"]) == (source is FREQUENCIES)  # no groups, no agreement with them
    assert {"untrained", "hebbian", "loss_of_larger"} <= set(row)


def test_correlation_of_nothing_is_told() -> None:
    none, alike = np.zeros((1, 3, 3)), np.ones((1, 3, 3))
    found = coupling_correlation(np.concatenate([none, alike]), [[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]])
    assert np.isnan(found).all()


def test_correlation_of_features_is_their_inner_product() -> None:
    draw = np.random.default_rng(0)
    coupling, features = draw.random((2, 5, 5)), draw.standard_normal((2, 5, 3))
    one = coupling_correlation(coupling, features[..., :1])
    np.testing.assert_allclose(one, coupling_correlation(coupling, features[..., 0]))
    turn = np.linalg.qr(draw.standard_normal((3, 3)))[0]
    np.testing.assert_allclose(
        coupling_correlation(coupling, features), coupling_correlation(coupling, features @ turn)
    )

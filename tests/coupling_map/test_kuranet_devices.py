"""The study of coupling maps that learn on chips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neurosc import studies
from neurosc.studies.kuranet_devices import DEVICES, MARKS, STUDY


def test_mismatch_is_a_share_of_what_its_name_tells() -> None:
    assert DEVICES["1 % of the coupling"].detuning == 0.01
    assert DEVICES["1 % of the frequency"].detuning == pytest.approx(0.01 / 0.05)
    assert 0.2 < DEVICES["cmos-ring-65nm"].detuning < 0.22  # with what temperature adds
    assert DEVICES["cmos-ring-65nm"].noise > 0


def test_a_row_compares_both_maps_on_chips_and_off_them() -> None:
    settings = STUDY.settings(n=10, batches=6)["global on 1 % of the coupling"]
    row = STUDY.measure(0, np.random.SeedSequence(0), **settings)
    losses = [row[column] for column in MARKS]
    assert all(0 < loss < 1 for loss in losses)
    assert abs(row["ideal_on_chip"] - row["ideal"]) < 0.1  # so little mismatch costs little
    assert row["chip"] != row["ideal_on_chip"]
    assert {*STUDY.measures} <= set(row)
    again = STUDY.measure(0, np.random.SeedSequence(0), **settings)
    assert again == row


def test_the_table_is_drawn_and_read(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "condition": name, "seed": seed, "task": settings["task"],
            "device": settings["device"], "unlocked": 0.1,
            **{column: draw.random() for column in MARKS},
        }
        for name, settings in STUDY.settings().items()
        for seed in range(2)
    )  # fmt: skip
    STUDY.figure(table).savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert STUDY.reading is not None
    told = STUDY.reading(table)
    assert "20th" in told
    assert all(f"global on {device}" in told for device in DEVICES)
    assert "kuranet-devices" in studies.names()

"""Which studies there are."""

from __future__ import annotations

import importlib

from neurosc.studies.study import Study

MODULES = (
    "vowels",
    "xor",
    "ablation",
    "asymmetry",
    "finite_beta",
    "readout_noise",
    "digits",
    "mnist_5k",
    "fashion",
    "mnist",
    "hopfield",
    "ising",
    "driven",
    "kuranet",
    "memory",
    "kuranet_devices",
)
"""A module of this package for each study, named as the study with _ for -; it holds `STUDY`."""


def names() -> list[str]:
    """The names of all studies."""
    return [module.replace("_", "-") for module in MODULES]


def get(name: str) -> Study:
    """The study of that name.

    Raises
    ------
    ValueError
        If there is none.
    """
    module = name.replace("-", "_")
    if module not in MODULES:
        raise ValueError(f"name: {name!r} is no study; use one of {names()}")
    study: Study = importlib.import_module(f"neurosc.studies.{module}").STUDY
    return study

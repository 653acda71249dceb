"""Files of `to_nir` in other tools, against `simulate`, spike by spike."""

import numpy as np
import pytest

from tests.interop import importers
from tests.interop.conftest import Exported
from tests.interop.importers import Importer

pytestmark = pytest.mark.filterwarnings("ignore")  # of the importers

DT = 1e-4
MISWIRED = pytest.mark.xfail(
    raises=(AssertionError, ValueError), reason="takes a loop without nesting for something else"
)


@pytest.mark.parametrize(
    ("form", "importer", "dt"),
    [
        ("portable", importers.snntorch, DT),
        ("portable", importers.norse, DT),
        ("portable", importers.spikingjelly, DT),
        ("affine", importers.norse, DT),
        ("flat", importers.spikingjelly, DT),
        ("sinabs", importers.sinabs_reset, 1.0),
        pytest.param("flat", importers.snntorch, DT, marks=MISWIRED),
        pytest.param("flat", importers.norse, DT, marks=MISWIRED),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_the_raster_is_that_of_simulate(
    form: str, importer: Importer, dt: float, exported: Exported
) -> None:
    raster = importer(exported.files[form], exported.spikes, dt)
    assert exported.expected.sum() > 2000
    np.testing.assert_array_equal(raster, exported.expected)


def test_spyx_subtracts(exported: Exported) -> None:
    raster = importers.spyx(exported.files["portable"], exported.spikes, DT)
    assert (exported.subtracted != exported.expected).any()
    np.testing.assert_array_equal(raster, exported.subtracted)


@pytest.mark.parametrize(
    ("form", "importer", "dt"),
    [("sinabs", importers.sinabs, 1.0), ("portable", importers.rockpool, DT)],
    ids=["sinabs", "rockpool"],
)
def test_a_reset_by_subtraction_moves_spikes_but_hardly_changes_their_number(
    form: str, importer: Importer, dt: float, exported: Exported
) -> None:
    """It leaves something of v, and Rockpool decays a little slower: at most one spike differs."""
    raster = importer(exported.files[form], exported.spikes, dt)
    assert (raster != exported.expected).any()
    off = np.abs(raster.sum(axis=1) - exported.expected.sum(axis=1))
    assert off.max() <= 1

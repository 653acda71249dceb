"""Files of `to_nir` in other tools, against `simulate`, spike by spike."""

import numpy as np
import pytest

from tests.interop.conftest import Exported
from tests.interop.importers import IMPORTERS

pytestmark = pytest.mark.filterwarnings("ignore")  # of the importers


@pytest.mark.parametrize("name", IMPORTERS)
def test_the_raster_is_that_of_simulate(name: str, exported: Exported) -> None:
    raster = IMPORTERS[name](exported.path, exported.spikes, exported.dt)
    assert exported.expected.sum() > 2000
    np.testing.assert_array_equal(raster, exported.expected)

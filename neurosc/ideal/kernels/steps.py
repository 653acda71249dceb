"""Stochastic Heun steps, one sample at a time."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from neurosc.ideal.kernels.philox import normals
from neurosc.ideal.kernels.torque import torque
from neurosc.network import FloatArray, IntArray


@nb.njit(cache=True, nogil=True, error_model="numpy")
def heun(
    theta: FloatArray,
    A: FloatArray,
    B: FloatArray,
    omega: FloatArray,
    hr: FloatArray,
    hi: FloatArray,
    sh: FloatArray,
    dt: float,
    diffusion: float,
    key: npt.NDArray[np.uint64],
    samples: IntArray,
    first: int,
    steps: int,
) -> None:
    """Advance theta (batch, m) in place by `steps` steps of d theta = torque dt + sqrt(2 D) dW.

    `samples` are the counters of the rows' noise streams, `first` that of the first step.
    """
    batch, m = theta.shape
    work = np.empty((4, m))
    f0, f1, trial, noise = np.empty(m), np.empty(m), np.empty(m), np.zeros(m)
    kick = np.sqrt(2.0 * diffusion * dt)
    for b in range(batch):
        for k in range(first, first + steps):
            if diffusion > 0.0:
                normals(key, samples[b], k, noise)
            torque(theta[b], A, B, omega[b], hr[b], hi[b], sh[b], work, f0)
            for i in range(m):
                trial[i] = theta[b, i] + dt * f0[i] + kick * noise[i]
            torque(trial, A, B, omega[b], hr[b], hi[b], sh[b], work, f1)
            for i in range(m):
                theta[b, i] += 0.5 * dt * (f0[i] + f1[i]) + kick * noise[i]

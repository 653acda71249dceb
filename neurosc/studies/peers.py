"""What scikit-learn reaches on the same split."""

from __future__ import annotations

from neurosc.datasets import Dataset


def logistic_regression(train: Dataset, test: Dataset) -> float:
    """Test accuracy of a logistic regression."""
    from sklearn.linear_model import LogisticRegression

    return float(LogisticRegression(max_iter=5000).fit(*train).score(*test))


def perceptron(train: Dataset, test: Dataset, hidden: tuple[int, ...], split: int) -> float:
    """Test accuracy of a tanh perceptron with these hidden layers."""
    from sklearn.neural_network import MLPClassifier

    peer = MLPClassifier(hidden, activation="tanh", max_iter=5000, random_state=split)
    return float(peer.fit(*train).score(*test))

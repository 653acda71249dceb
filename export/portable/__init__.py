"""Phase networks as one population of equal neurons, for importers and chips without delays."""

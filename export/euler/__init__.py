"""NIR graphs by forward Euler, step by step as their importers run them."""

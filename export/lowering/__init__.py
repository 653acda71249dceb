"""NIR graphs as neurons and what connects them; knows NIR, but no simulator."""

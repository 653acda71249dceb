"""Compiled inner loops. Each works on one sample at a time, so bits do not depend on the batch."""

"""Spiking oscillators."""

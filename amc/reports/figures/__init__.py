"""The figures, each drawn from plain values by a function of its own module.

Each returns a `Picture`, which is a `matplotlib.figure.Figure`; pyplot is not touched.
"""

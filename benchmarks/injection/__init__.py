"""Faults, and the running system that they are done to."""

"""Environments as compiled functions, to the bits of the classes that they stand in for.

The doors are `stepping.reset_all` and `stepping.step_all`, of which `compiled_backend` makes a
vector environment. Every operation is rounded as Python rounds it, in the same order.

This room must not know gymnasium, nor who acts.
"""

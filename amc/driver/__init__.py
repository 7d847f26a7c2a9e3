"""The next decision, and how much there will be: pure functions of config and history.

The doors are `plan` in `amc.driver.planning` and, beside it, `budget`, `trial_seed` in `seeds` and
`released` in `wanted`. Each is a module of its own: the command line asks for the budget alone, and
need not wait for what plans.
"""

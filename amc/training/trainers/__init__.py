"""Trainers of the user's own: a command or a function trains, and this keeps account of it.

The door is `amc.training.trainers.own_segment.train_own`.
"""

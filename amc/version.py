"""The version of the package; kept apart so that building it imports nothing."""

VERSION = "0.1.0"

"""What exists outside a config: environments, wrappers, plug-ins, and what they take."""

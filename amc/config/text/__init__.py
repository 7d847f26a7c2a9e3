"""What a config file says, where it says it, and what is wrong with it, in words."""

"""What a config says of a search: its space, its first points, its rungs."""

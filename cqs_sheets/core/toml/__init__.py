"""TOML files that people write: every mistake at once, with its line and the nearest right name."""

"""The pure core: no clock, environment, randomness, file or socket; they come in as arguments."""

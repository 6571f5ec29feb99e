"""What a person is shown and asked; results go to stdout, all else to stderr."""

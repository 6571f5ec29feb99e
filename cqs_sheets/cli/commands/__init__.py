"""The commands, one file per word: what each may be told, and what it then does."""

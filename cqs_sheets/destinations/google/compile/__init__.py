"""A template's tabs as requests of one batchUpdate: pure, so that it can be looked at without Google."""

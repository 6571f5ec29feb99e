"""A plan carried out in atomic batches, each verified by its own answer, and mended if a race misplaced it."""

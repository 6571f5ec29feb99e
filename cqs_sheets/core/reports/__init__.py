"""What a sync did, told: for people, for scripts, as rows for other programs."""

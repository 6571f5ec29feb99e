"""GitHub Actions: the workflow that keeps a sheet in sync there, and what a run tells its page."""

"""Unattended on GitHub Actions: the written workflow, a chain of runs, state on a branch, what a person sees."""

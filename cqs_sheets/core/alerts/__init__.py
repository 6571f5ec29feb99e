"""Alerts: what they say, and when."""

"""Requests to Google over HTTP: what may be repeated, within which quota, and what a refusal means."""

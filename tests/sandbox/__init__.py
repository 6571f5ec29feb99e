"""The sandbox API keeps the guide's contract."""

"""What a target should look like: templates, how they are read and checked, and pages worked out cell by cell."""

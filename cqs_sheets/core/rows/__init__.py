"""From signals to the changes that a target needs: fields, cells, rows, and the plan."""

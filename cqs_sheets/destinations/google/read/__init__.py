"""What a spreadsheet holds: where things stand in it, and the values of the rows that matter."""

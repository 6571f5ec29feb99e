"""What the API says: its words, its signals, what they mean for each other, and what was covered."""

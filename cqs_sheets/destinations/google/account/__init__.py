"""Who we are to Google: credentials that are there, or a person who signs in."""

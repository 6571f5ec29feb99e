"""Google Sheets as a destination."""

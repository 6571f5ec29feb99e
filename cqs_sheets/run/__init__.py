"""One run: ask the API, keep the answers, deliver rows to every target, report; and the loop around runs."""

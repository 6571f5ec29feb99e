"""From what a target holds and what is wanted to what is to be done: pure, the same for every destination."""

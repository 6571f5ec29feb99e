"""Where rows go: one protocol, one module or package per kind of target."""

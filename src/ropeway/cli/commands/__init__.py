"""One module a command. Each has ``command``, a click command; ``cli.table`` says which module holds which."""

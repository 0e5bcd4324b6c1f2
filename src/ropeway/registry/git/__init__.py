"""Git repositories by plain ``git``: references, commits and files, read without a checkout."""

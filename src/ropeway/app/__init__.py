"""The verbs themselves: the one place where parts are joined. The command line, the daemon and ``ropeway.api`` call these."""

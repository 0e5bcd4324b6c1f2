"""Who one is at a registry: docker's configuration and credential programs, challenges, tokens that are shared among processes."""

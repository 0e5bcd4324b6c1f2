"""One module for each kind of source; :func:`ropeway.registry.dispatch.resolver_for` chooses."""

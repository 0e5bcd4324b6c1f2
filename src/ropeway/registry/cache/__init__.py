"""What was fetched: content by its digest, what pointed to it, and names for people. Safe with any number of processes."""

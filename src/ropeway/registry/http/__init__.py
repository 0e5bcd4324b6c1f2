"""HTTP to strangers: connections, proxies, certificates and pins, redirects, retries, and one kind of error for each way it fails."""

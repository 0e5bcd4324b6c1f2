"""The OCI distribution protocol: manifests, blobs, tags, referrers; and bundles on top of it."""

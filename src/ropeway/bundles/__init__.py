"""What gets published: a workflow, a skill or an agent card with its files, as bytes that can be named by a digest and signed.

Nothing here talks to the network. A bundle is an OCI image manifest (:mod:`~ropeway.bundles.manifest`) with its blobs; files become layers and
layers become files again (:mod:`~ropeway.bundles.pack`, :mod:`~ropeway.bundles.unpack`); a folder of files has a digest of its own
(:mod:`~ropeway.bundles.tree`). Who vouches for a bundle, and whether that suffices, is decided in :mod:`~ropeway.bundles.trust`.
"""

"""Folders with an index: what is in them, and publishing into them without losing anything."""

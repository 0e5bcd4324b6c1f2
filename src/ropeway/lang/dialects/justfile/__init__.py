"""Justfiles, read and turned into workflows; the program ``just`` is not needed.

``parse`` reads the text, ``convert`` makes a workflow of it and says what could not be converted, ``shim`` writes a justfile whose
recipes call that workflow. Nothing here does I/O: imported files are handed in.
"""

"""Ropeway: write a workflow once, sign it, run it anywhere.

Programs use :mod:`ropeway.api`; people use the ``workflow`` command.
"""

__version__ = "0.1.0"

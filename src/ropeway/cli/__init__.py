"""What you type: the ``workflow`` command.

Nothing imports this package but its entry point. ``main`` answers the two quick questions by hand and hands all else to ``group``;
``table`` names the commands without importing them; ``console`` is the only printer; ``exits`` turns every error into a message, a
hint and an exit status.
"""

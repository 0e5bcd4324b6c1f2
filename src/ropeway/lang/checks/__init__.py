"""What a workflow means: the parts of ``lang.validate``, one module per question."""

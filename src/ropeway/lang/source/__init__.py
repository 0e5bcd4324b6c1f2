"""Reading a workflow's source: bytes in, plain data and places out. Never raises, whatever the bytes are."""

from ropeway.lang.source.document import Document, format_of, read_document
from ropeway.lang.source.text import MAX_BYTES, MAX_DEPTH, MAX_NODES

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "Document", "format_of", "read_document"]

"""The Python that touches weights: one JSON command in, one JSON event a line out."""

__version__ = "0.1.0"

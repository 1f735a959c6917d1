"""The model API: bytes in, bytes out."""

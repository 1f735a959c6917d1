"""The engine inside: a small model, fetched by content hash and served by a supervised child process."""

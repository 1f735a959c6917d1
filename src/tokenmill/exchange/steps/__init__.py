"""Steps that change a reply's events on their way to the caller."""

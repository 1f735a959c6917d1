"""What callers asked to be remembered."""

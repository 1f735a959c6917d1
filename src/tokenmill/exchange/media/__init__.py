"""Knows what media in requests are like: how large, how long, and how many tokens that is."""

"""Lets models search the web: the platform runs the turns, and the caller gets one reply."""

"""The console; the admin API will stand beside it."""

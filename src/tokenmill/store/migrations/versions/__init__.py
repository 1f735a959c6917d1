"""One revision a file, `NNNN_what_it_does.py`; the highest number is the newest."""

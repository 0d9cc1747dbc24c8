"""``python -m platform.data look``: what is in a folder, zip or table before it is learnt from."""

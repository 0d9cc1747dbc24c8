"""``python -m platform.data preview``: a contact sheet of augmented training images."""

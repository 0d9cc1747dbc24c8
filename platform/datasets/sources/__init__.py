"""Where an image's bytes come from and how they are decoded; the embedded data sets."""

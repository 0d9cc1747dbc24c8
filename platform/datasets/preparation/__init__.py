"""``prepare``: list the images, make the manifest with its splits, add imbalance and label noise."""

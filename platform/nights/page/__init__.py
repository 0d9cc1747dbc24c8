"""The page across nights: is anything wrong, and since when."""

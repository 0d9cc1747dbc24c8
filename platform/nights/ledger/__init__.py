"""What is known of the nights that have been: an append-only file of events, and the locks beside it."""

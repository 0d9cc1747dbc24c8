"""Which members and which rule make the best ensemble, judged on validation."""

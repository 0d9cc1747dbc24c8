"""What a report reads: one sweep or several joined, and the record ``Contents`` of what it found."""

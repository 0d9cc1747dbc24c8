"""The section ``augment`` and every operation that changes a training image."""

"""What a YAML may say: strict models, ranges, overrides, and errors with file, line and column."""

"""What a sweep shows: parameters that mattered, edges of ranges, failures, classes, suspect labels."""

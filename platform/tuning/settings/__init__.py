"""What a YAML says of a sweep: search, sampler, scheduler, budget, constraints."""

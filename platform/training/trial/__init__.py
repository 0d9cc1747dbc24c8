"""What a trial's YAML may say: stages, recipe, retrieval, unlabelled images."""

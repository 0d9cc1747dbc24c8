"""One network from a YAML: a timm backbone with its stem, classifier, weights and input size."""

"""What a person asks of nights that have been: compare, accept, bisect, prune."""

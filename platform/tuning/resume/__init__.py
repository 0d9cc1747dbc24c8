"""``--resume``: what changed, what is refused, the study made anew, missed MLflow records."""

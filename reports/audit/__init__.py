"""What a sweep knows of its labels, for the audit: margins, embeddings, out-of-fold predictions."""

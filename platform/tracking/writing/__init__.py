"""Writing to MLflow: the spool, its delivery thread, the writer, the model registry."""

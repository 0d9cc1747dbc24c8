"""Sweeps and trials read back from MLflow or from the spool."""

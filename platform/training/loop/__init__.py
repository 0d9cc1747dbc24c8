"""The training loop and what it owns: learner, stages, teacher, ledger, tables, checkpoints, workers."""

"""The training loop and what it owns: learner, stages, teacher, ledger of samples, checkpoints, workers."""

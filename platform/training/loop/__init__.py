"""The training loop and what it owns: learner, stages, teacher, ledger of samples, tables of methods, checkpoints, workers"""

"""Make the operating system, Slurm or Kubernetes tick."""

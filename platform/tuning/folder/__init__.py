"""The sweep's folder ``runs/NAME``: its files, its lock, and where checkpoints lie."""

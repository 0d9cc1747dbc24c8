"""What people and MLflow see of a running sweep: table, warnings, --list and --status."""

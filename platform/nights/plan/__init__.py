"""What the YAML of a plan says, when its nights are due, and what has changed since the last one."""

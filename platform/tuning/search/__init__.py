"""What is tried next, and what the study is told of each trial."""

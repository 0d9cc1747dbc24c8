"""What a night is worth against its level: four verdicts, two stages, change points and drift."""

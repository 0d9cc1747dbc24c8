"""The report's page: HTML, sentences, figures, and its tables as files."""

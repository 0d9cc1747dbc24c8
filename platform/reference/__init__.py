"""The docs' pages of settings, commands and metrics, written from the code, and the site's build."""

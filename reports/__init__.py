"""What a sweep found: trials ranked, the best ensembled, and a page that says what mattered."""

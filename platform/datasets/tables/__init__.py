"""CSV and Parquet tables of labels and identities: read as text, columns chosen."""

"""From images and labels to batches; the modules here are shared by the folders below."""

"""Worker: lands and analyses batches, processes attachments, maintains tables."""

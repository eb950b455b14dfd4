"""The loops that move batches forward."""

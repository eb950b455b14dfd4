"""Body to batch: decode, validate, normalise, admit."""

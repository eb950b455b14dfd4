"""Model: plain types that the packages share."""

"""The landing archive: every accepted record as it came, written once. The truth of the lake."""

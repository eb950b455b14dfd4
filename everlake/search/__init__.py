"""One query over what the lake holds."""

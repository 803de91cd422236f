"""A digest of a period: every segment with its size, every incident with its cause."""

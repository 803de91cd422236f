"""The demo shop: our own synthetic customers, with faults planted at written-down dates."""

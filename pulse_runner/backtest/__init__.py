"""Replay the detectors over history, causally: read a file or the warehouse, replay, report."""

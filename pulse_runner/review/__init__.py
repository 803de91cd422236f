"""The review of an edit: what a change of the definitions does to the segments, before it is merged."""

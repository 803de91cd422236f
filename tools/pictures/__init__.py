"""Pictures of the docs, made from the demo: each channel's message, the report, the terminal.    python -m tools.pictures"""

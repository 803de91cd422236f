"""Tell the owner once: message (what to say), outbox (whether to say it), channels (how), delivery and stage (the doing)."""

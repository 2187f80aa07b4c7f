"""Changes of alerts and rules, and the outbox."""

"""What changes alerts: evaluation, people's answers to it, and the outbox."""

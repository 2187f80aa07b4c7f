"""What changes webhooks' data or sends something: one function a verb, each with its audit event."""

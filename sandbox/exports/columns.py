"""The columns that every export has; smart agents add theirs to them."""

DEFAULT_COLUMNS = (
    "lead_id", "first_name", "last_name", "email", "title", "company", "domain", "linkedin_url", "phone", "location",
)  # fmt: skip
MORE_COLUMNS = ("full_name", "company_domain", "email_status", "provider", "enriched", "created_at")

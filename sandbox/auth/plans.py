"""What an organization's plan allows."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from sandbox.db.tables import Organization
from sandbox.errors import ApiError

# Those whose names say which calls they are for; which ones others allow is not documented.
CSV_UPLOAD, SEARCH_PEOPLE, SYNC_TO_CRM = "data_source_csv_upload", "search_people", "sync_to_crm"
ENRICH_EMAIL, ENRICH_PHONE = "enrich_email", "enrich_phone"
ENRICHMENT_FEATURES: dict[str, tuple[str, ...]] = {
    "partial": (ENRICH_EMAIL,),
    "phone_only": (ENRICH_PHONE,),
    "full": (ENRICH_EMAIL, ENRICH_PHONE),
}
DATA_POINT_FEATURES = {"Email": ENRICH_EMAIL, "Phone": ENRICH_PHONE}


def require_features(session: Session, organization_id: str, features: Iterable[str]) -> None:
    """Raise a 403 `ApiError` if the plan lacks one of these."""
    granted = session.get_one(Organization, organization_id).features
    for feature in features:
        if feature not in granted:
            raise ApiError(403, "feature_gated", f"Your plan does not include {feature}.", "Upgrade it in billing.")

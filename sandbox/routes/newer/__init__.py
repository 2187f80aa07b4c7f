"""The newer public endpoints, on `/api/v1/public` and on `/api/v2`; refusals are `{"error": {…}}`."""

from fastapi import APIRouter

from sandbox.routes.refusals import NEWER_PUBLIC

from . import enrichment, exports, lead_lists, search, smart_agents, sync, workspace

public = APIRouter(prefix="/api/v1/public", tags=["Public API"], responses=NEWER_PUBLIC)
v2 = APIRouter(prefix="/api/v2", tags=["Public API v2"], responses=NEWER_PUBLIC)

for module in (workspace, search, lead_lists, enrichment, smart_agents, exports, sync):
    module.shared.add_to(public)
    module.shared.add_to(v2)
for partly_shared in (workspace, enrichment):
    partly_shared.only_v1.add_to(public)
    partly_shared.only_v2.add_to(v2)

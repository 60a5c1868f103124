"""Settings: by group, and changing them."""

from fastapi import APIRouter

from shared.http.app import BASE

router = APIRouter(prefix=BASE + "/admin/settings", tags=["admin"])

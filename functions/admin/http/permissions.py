"""The permission catalogue, and what each role holds."""

from fastapi import APIRouter

from shared.http.app import BASE

router = APIRouter(prefix=BASE + "/admin", tags=["admin"])

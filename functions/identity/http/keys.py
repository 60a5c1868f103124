"""The published keys, and who issues the tokens. Neither wears the envelope: their readers are standard libraries."""

import json

from fastapi import APIRouter
from pynamodb.exceptions import DoesNotExist

from functions.identity.schemas.keys import Issuer, Jwk, Jwks
from shared import tokens
from shared.dynamo.sessions import JwksItem
from shared.errors import ServiceDegraded
from shared.http.app import BASE
from shared.http.auth import Public
from shared.settings import Settings

router = APIRouter(prefix=BASE + "/.well-known", tags=["identity"])


@router.get("/jwks.json")
async def jwks(_viewer: Public) -> Jwks:
    """The public keys of access tokens."""
    try:
        published = json.loads(JwksItem.get("JWKS", "JWKS").jwks)["keys"]
    except DoesNotExist as error:
        raise ServiceDegraded(reason="no_signing_keys") from error
    return Jwks.model_construct(keys=[Jwk(**key) for key in published])


@router.get("/openid-configuration")
async def openid_configuration(_viewer: Public) -> Issuer:
    """Who issues the tokens, for authorizers."""
    issuer = tokens.issuer(Settings.load().public_url)
    return Issuer.model_construct(
        issuer=issuer,
        jwks_uri=f"{issuer}/.well-known/jwks.json",
        token_endpoint=f"{issuer}/auth/login",
        id_token_signing_alg_values_supported=["RS256"],
        subject_types_supported=["public"],
        response_types_supported=["token"],
    )

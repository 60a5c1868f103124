"""Routes of API keys; in a function of their own, since making one needs the signing keys and nothing else does here.

The rows are platform's in the contract; they are identity's here, where keys are signed and sessions end.
"""

from fastapi import APIRouter

from functions.identity.errors import ApiKeyNotFound, ScopeUnknown, TooManyKeys
from functions.identity.schemas.api_keys import ApiKey, ApiKeyIn, Deleted, NewApiKey
from functions.identity.service import api_keys
from functions.identity.trail import Trail
from shared.http.app import BASE, create_app, lambda_handler
from shared.http.auth import SignedIn
from shared.http.envelope import Answer, Items, PathId, answer
from shared.http.problems import problems
from shared.http.sql import Read, Write

router = APIRouter(prefix=BASE + "/api-keys", tags=["identity"])


@router.get("")
async def own_keys(caller: SignedIn, db: Read) -> Answer[Items[ApiKey]]:
    """One's own keys that count."""
    return answer(Items.model_construct(items=api_keys.listed(db, caller.uid)))


@router.post("", status_code=201, responses=problems(TooManyKeys, ScopeUnknown))
async def create_key(body: ApiKeyIn, caller: SignedIn, db: Write) -> Answer[NewApiKey]:
    """Make a key for SDK and CLI, to be sent as `X-API-Key`; it is shown this once."""
    return answer(api_keys.create(db, caller, body))


@router.delete("/{key_id:int}", responses=problems(ApiKeyNotFound))
async def revoke_key(key_id: PathId, caller: SignedIn, db: Write) -> Answer[Deleted]:
    """Revoke a key: it ends within 30 seconds everywhere."""
    api_keys.revoke(db, caller.uid, key_id)
    return answer(Deleted.model_construct(deleted=True))


app = create_app("identity", router)
app.add_middleware(Trail)
handler = lambda_handler(app)

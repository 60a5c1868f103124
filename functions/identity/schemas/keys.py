"""The published keys."""

from shared.http.envelope import Out


class Jwk(Out):
    kty: str
    use: str
    alg: str
    kid: str
    n: str
    e: str


class Jwks(Out):
    keys: list[Jwk]


class Issuer(Out):
    issuer: str
    jwks_uri: str
    token_endpoint: str
    id_token_signing_alg_values_supported: list[str]
    subject_types_supported: list[str]
    response_types_supported: list[str]

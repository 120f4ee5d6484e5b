"""Tokens for users who are logged in. Needs PyJWT and cryptography: `holdfast[tokens]`, or Debian's python3-jwt and
python3-cryptography."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import Any, Mapping, Optional, Sequence, Union

from ._batches import topic_list
from .protocol import TokenMay

# Shorter than a page stays open, for a page renews its token by itself; long enough not to ask all the time.
DEFAULT_SECONDS = 900
DEFAULT_AUDIENCE = "holdfast"


class TokenIssuer:
    """Makes tokens for users who are logged in. Makes no call."""

    def __init__(
        self,
        private_jwk: Union[str, Mapping[str, Any]],
        *,
        key_id: Optional[str] = None,
        audience: str = DEFAULT_AUDIENCE,
        issuer: Optional[str] = None,
    ) -> None:
        """Raises ValueError for a key that cannot sign, and ImportError without PyJWT.

        private_jwk: the private key as a JSON Web Key, or its JSON text: what `npx holdfast key create --tokens` gave. ES256
        (P-256), EdDSA (Ed25519), RS256 and HS256.
        key_id: the id of the API key; the `kid` of the JSON Web Key otherwise.
        audience, issuer: what the API key has as such.
        """
        jwk = json.loads(private_jwk) if isinstance(private_jwk, str) else private_jwk
        kid = key_id or jwk.get("kid")
        if not isinstance(kid, str):
            raise ValueError('the key has no "kid": name the API key in key_id')
        self._key_id = kid
        self._audience = audience
        self._issuer = issuer
        self._algorithm, self._key = _signing_key(jwk)

    def issue(
        self,
        user: str,
        *,
        topics: Optional[Sequence[str]] = None,
        may: Optional[TokenMay] = None,
        client: Optional[str] = None,
        info: Any = None,
        seconds: int = DEFAULT_SECONDS,
    ) -> str:
        """A token for a user, for a page to give to `connect`.

        topics: what the client is subscribed to. may: what it may do by itself, never more than the API key. client: its
        name, one for each tab or device; that of the user otherwise, and then the newest replaces the others. info: what
        others see of it, JSON of at most 1 KiB. seconds: for how long the token is valid.
        """
        import jwt

        if not user:
            raise ValueError("a token is for a user")
        now = int(time.time())
        own = {
            "client": client,
            "topics": None if topics is None else topic_list(topics),
            "may": None if may is None else may.to_json(),
            "info": info,
        }
        claims = {
            "sub": user,
            "aud": self._audience,
            "iss": self._issuer,
            "iat": now,
            "exp": now + seconds,
            "jti": str(uuid.uuid4()),
            "hf": _given(own),
        }
        return jwt.encode(_given(claims), self._key, algorithm=self._algorithm, headers={"kid": self._key_id})


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _signing_key(jwk: Mapping[str, Any]) -> tuple[str, Any]:
    """The algorithm, and the key as PyJWT takes it (RFC 7518, section 3, and RFC 8037)."""
    from jwt import algorithms
    from jwt.exceptions import InvalidKeyError

    kty, crv = jwk.get("kty"), jwk.get("crv", "")
    if kty == "oct" and isinstance(jwk.get("k"), str):
        return "HS256", base64.urlsafe_b64decode(jwk["k"] + "=" * (-len(jwk["k"]) % 4))
    if "d" not in jwk:
        raise ValueError("it is no private key: a public one signs nothing")
    try:
        if (kty, crv) == ("EC", "P-256"):
            return "ES256", algorithms.ECAlgorithm.from_jwk(json.dumps(dict(jwk)))
        if (kty, crv) == ("OKP", "Ed25519"):
            return "EdDSA", algorithms.OKPAlgorithm.from_jwk(json.dumps(dict(jwk)))
        if kty == "RSA":
            return "RS256", algorithms.RSAAlgorithm.from_jwk(json.dumps(dict(jwk)))
    except (InvalidKeyError, ValueError) as error:
        raise ValueError("it is no private key") from error
    raise ValueError(f"keys of type {kty} {crv} are not for tokens: P-256, Ed25519, RSA or oct are")

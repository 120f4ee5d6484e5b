from __future__ import annotations

import base64
import json
import unittest
from typing import Any, Union

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from holdfast import TokenIssuer, TokenMay

OCT = {"kty": "oct", "k": base64.urlsafe_b64encode(b"a secret of thirty-two bytes ....").decode().rstrip("="), "kid": "web"}


def jwk(algorithm: Any, key: Any) -> dict[str, Any]:
    # A dict or JSON, by the version of PyJWT.
    value = algorithm.to_jwk(key)
    parts = {**(json.loads(value) if isinstance(value, str) else value), "kid": "web"}
    if parts["kty"] == "EC":
        # RFC 7518, section 6.2.1.2: with all their bytes. Older versions of PyJWT leave out those that are zero.
        for name in ("x", "y", "d"):
            number = base64.urlsafe_b64decode(parts[name] + "=" * (-len(parts[name]) % 4))
            parts[name] = base64.urlsafe_b64encode(number.rjust(32, b"\0")).decode().rstrip("=")
    return parts


def key_pairs() -> list[tuple[str, dict[str, Any], Any]]:
    elliptic = ec.generate_private_key(ec.SECP256R1())
    edwards = ed25519.Ed25519PrivateKey.generate()
    numbers = rsa.generate_private_key(65537, 2048)
    return [
        ("ES256", jwk(ECAlgorithm(ECAlgorithm.SHA256), elliptic), elliptic.public_key()),
        ("EdDSA", jwk(OKPAlgorithm(), edwards), edwards.public_key()),
        ("RS256", jwk(RSAAlgorithm(RSAAlgorithm.SHA256), numbers), numbers.public_key()),
    ]


class Tokens(unittest.TestCase):
    def test_signed_as_the_key_says(self) -> None:
        for algorithm, private, public in key_pairs():
            issuer = TokenIssuer(private, issuer="https://app.example.com")
            token = issuer.issue("ann", topics=["news.sport"], may=TokenMay(publish=["chat.*"]), client="tab-1")
            self.assertEqual(jwt.get_unverified_header(token), {"alg": algorithm, "kid": "web", "typ": "JWT"})
            claims = jwt.decode(token, public, [algorithm], audience="holdfast", issuer="https://app.example.com")
            self.assertEqual(claims["sub"], "ann")
            own = {"client": "tab-1", "topics": ["news.sport"], "may": {"publish": ["chat.*"]}}
            self.assertEqual(claims["hf"], own)

    def test_with_a_shared_secret_for_15_minutes_or_as_long_as_is_asked_for_and_no_two_the_same(self) -> None:
        issuer = TokenIssuer(json.dumps(OCT))
        tokens = [issuer.issue("ann"), issuer.issue("ann", seconds=60)]
        key = base64.urlsafe_b64decode(OCT["k"] + "=" * (-len(OCT["k"]) % 4))
        claims = [jwt.decode(token, key, ["HS256"], audience="holdfast") for token in tokens]
        self.assertEqual([each["exp"] - each["iat"] for each in claims], [900, 60])
        self.assertNotEqual(claims[0]["jti"], claims[1]["jti"])
        self.assertNotIn("iss", claims[0])

    def test_not_made_of_what_cannot_sign(self) -> None:
        _, private, _ = key_pairs()[0]
        public = {name: value for name, value in private.items() if name != "d"}
        wrong: list[tuple[Union[str, dict[str, Any]], str]] = [
            (public, "no private key"),
            ({**private, "d": "AA"}, "no private key"),
            ({**private, "crv": "P-384"}, "EC P-384 are not for tokens"),
            ({**private, "kid": None}, "key_id"),
            ("{", ""),
        ]
        for given, message in wrong:
            with self.assertRaisesRegex(ValueError, message):
                TokenIssuer(given)
        with self.assertRaisesRegex(ValueError, "for a user"):
            TokenIssuer(private).issue("")

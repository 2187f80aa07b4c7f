"""A passkey in software: makes and uses a real key pair, and always verifies its user."""

import hashlib
import json
import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class SoftwarePasskey:
    """Answers the challenges of the console at ``origin`` as a browser with a platform authenticator does."""

    def __init__(self, origin="https://testserver", host="testserver"):
        self.origin, self.host = origin, host
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id, self.user_handle, self.counter = secrets.token_bytes(16), b"", 0

    def create(self, options):
        """Return the credential for ``options`` of a registration; ``credProps`` says discoverable, as iCloud does."""
        public = options["publicKey"]
        self.user_handle = websafe_decode(public["user"]["id"])
        cose = cbor.encode(dict(ES256.from_cryptography_key(self.key.public_key())))
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cose
        data = self._authenticator_data(ATTESTED) + attested
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": websafe_encode(self._client_data("webauthn.create", public["challenge"])),
            "attestationObject": websafe_encode(attestation),
        }
        return self._credential(response, {"credProps": {"rk": True}})

    def get(self, options):
        """Return the answer to ``options`` of a sign-in or confirmation."""
        client_data = self._client_data("webauthn.get", options["publicKey"]["challenge"])
        data = self._authenticator_data(0)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": websafe_encode(client_data),
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
            "userHandle": websafe_encode(self.user_handle),
        }
        return self._credential(response, {})

    def _client_data(self, kind, challenge):
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _authenticator_data(self, flags):
        self.counter += 1
        flag_byte = bytes([flags | PRESENT | VERIFIED])
        return hashlib.sha256(self.host.encode()).digest() + flag_byte + self.counter.to_bytes(4, "big")

    def _credential(self, response, extensions):
        name = websafe_encode(self.id)
        credential = {"id": name, "rawId": name, "type": "public-key", "response": response}
        return json.dumps({**credential, "clientExtensionResults": extensions})

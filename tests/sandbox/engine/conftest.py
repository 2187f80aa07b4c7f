import datetime as dt
import ipaddress
from decimal import Decimal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.credits import ledger
from sandbox.db.store import Store
from sandbox.db.tables import Organization, User
from sandbox.enrichment import workflows
from sandbox.enrichment.contact_directory import DirectoryContact

ORGANIZATION = "org_engine"
USER = "user_engine"


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "sandbox.sqlite3")
    with store.session() as session:
        session.add(Organization(id=ORGANIZATION, name="Engine tests", tier="growth", features=["API_ACCESS"]))
        session.flush()
        session.add(
            User(
                id=USER,
                organization_id=ORGANIZATION,
                email="operations@example.test",
                name="Operations",
                scopes=["enrich:write"],
            )
        )
    yield store
    store.close()


@pytest.fixture
def funded(store):
    with store.session() as session:
        ledger.grant(session, ORGANIZATION, Decimal(1000))
    return store


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A self-signed certificate for 127.0.0.1 with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Receiver")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "receiver.pem"
    path.write_bytes(pem)
    return path


def submit(store, numbers, enrichment_type="partial", **options):
    """Submit an enrichment of these contacts of the directory, as a route would."""
    asked = {
        "principal_user_id": USER,
        "organization_id": ORGANIZATION,
        "api_key_id": None,
        "webhook_url": None,
        "kind": "bulk",
        "contacts": [{"linkedin_url": DirectoryContact(number).linkedin_url} for number in numbers],
    }
    with store.session() as session:
        return workflows.submit(session, enrichment_type=enrichment_type, **(asked | options))

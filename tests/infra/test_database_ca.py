"""Functions believe the database by certificates that travel with them: they must be those of its region, and last."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

from infra import bundling
from infra.bundling import Target
from infra.manifests import REPOSITORY
from infra.stage import REGION
from tests.infra.test_bundling import names

AUTHORITIES = REPOSITORY / "shared" / "sql" / "database-ca.pem"
YEARS = timedelta(days=3650)


def test_aurora_and_its_proxy_are_believed_for_years_and_nobody_else():
    found = {
        str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value): certificate
        for certificate in x509.load_pem_x509_certificates(AUTHORITIES.read_bytes())
    }

    assert set(found) == {
        *(f"Amazon RDS {REGION} Root CA {kind} G1" for kind in ("RSA2048", "RSA4096", "ECC384")),
        *(f"Amazon Root CA {number}" for number in (1, 2, 3, 4)),
    }
    assert all(certificate.not_valid_after_utc > datetime.now(UTC) + YEARS for certificate in found.values())
    assert all(certificate.issuer == certificate.subject for certificate in found.values())


def test_every_domain_carries_them():
    assert "shared/sql/database-ca.pem" in names(bundling.domain("platform", Target(None)))

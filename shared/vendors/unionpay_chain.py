"""Whose certificate UnionPay may sign with. It comes along with what it signed, so by itself it proves nothing.

No `x509.verification`: that checks certificates of web servers, and UnionPay's have neither a host name nor that use.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID

_KEY_BITS = 2048
_COMPANY_AT = 2
_UNREADABLE = (
    ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)  # fmt: skip


class NotTrustedError(Exception):
    """A certificate is not UnionPay's, or not of now; the message says why."""


@dataclass(frozen=True)
class Trust:
    """The root and the middle certificate we were given by UnionPay, and what a signer of theirs is called."""

    root: x509.Certificate
    middle: x509.Certificate
    company: str
    name: str

    @classmethod
    def of(cls, root: str, middle: str, company: str, name: str) -> "Trust":
        """Read both from PEM. Raises ValueError when the root is not its own issuer, or the middle not the root's."""
        try:
            made = cls(
                x509.load_pem_x509_certificate(root.encode()), x509.load_pem_x509_certificate(middle.encode()), company, name
            )
            made.middle.verify_directly_issued_by(made.root)
        except _UNREADABLE as error:
            message = "UnionPay's root and middle certificate do not make a chain"
            raise ValueError(message) from error
        # The root's own signature proves nothing that our having it does not; and old ones sign with SHA-1.
        if made.root.issuer != made.root.subject or not _may_issue(made.middle):
            message = "UnionPay's root or middle certificate is no such one"
            raise ValueError(message)
        return made

    def key_of(self, pem: str, at: datetime) -> RSAPublicKey:
        """The key of a signer's certificate, valid at `at` (aware) with all above it. Raises NotTrustedError."""
        try:
            signer = x509.load_pem_x509_certificate(pem.encode())
            signer.verify_directly_issued_by(self.middle)
            key = signer.public_key()
            may_issue, may_sign = _may_issue(signer), _may_sign(signer)
        except _UNREADABLE as error:
            raise NotTrustedError("the certificate is not one of UnionPay's") from error
        if not isinstance(key, RSAPublicKey) or key.key_size < _KEY_BITS:
            raise NotTrustedError("the certificate is too weak")
        if may_issue or not may_sign:
            raise NotTrustedError("the certificate is for another use")
        if not all(one.not_valid_before_utc <= at <= one.not_valid_after_utc for one in (signer, self.middle, self.root)):
            raise NotTrustedError("the certificate is not valid now")
        if not self._is_theirs(signer):
            raise NotTrustedError("the certificate is another company's")
        return key

    def _is_theirs(self, signer: x509.Certificate) -> bool:
        names = [str(one.value) for one in signer.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if len(names) != 1:
            return False
        if self.name:
            return names[0] == self.name
        parts = names[0].split("@")
        return len(parts) > _COMPANY_AT and parts[_COMPANY_AT] == self.company


def _may_issue(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        use = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return use.digital_signature or use.content_commitment

"""Certificates of a deployment: X.509, Ed25519, issued by the deployment's own CA.

What a certificate binds is a TLS key to a name (`names`); what its holder may do is in the
registry.
"""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from opendmm.authority.names import Holder

BACKDATED = timedelta(minutes=1)
"""Certificates begin a little in the past, for clocks that are behind."""


class CertificateAuthority:
    """A deployment's CA: issues certificates and signs the registry.

    Times are in seconds since 1970.
    """

    def __init__(self, key: Ed25519PrivateKey, certificate: x509.Certificate) -> None:
        self.key = key
        self.certificate = certificate

    @classmethod
    def create(cls, deployment: str, now: float, lifetime: float) -> "CertificateAuthority":
        """A CA with a new key and a certificate signed by itself."""
        key = Ed25519PrivateKey.generate()
        name = _name(f"OpenDMM {deployment} CA")
        key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            _builder(key.public_key(), now, lifetime)
            .subject_name(name)
            .issuer_name(name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(certificates=True), critical=True)
            .add_extension(key_id, critical=False)
            .sign(key, None)
        )
        return cls(key, certificate)

    @classmethod
    def read(cls, certificate: bytes, key: bytes) -> "CertificateAuthority":
        """An existing CA from its PEM. Raises ValueError."""
        private = load_pem_private_key(key, None)
        if not isinstance(private, Ed25519PrivateKey):
            raise ValueError("the CA's key is not Ed25519")
        return cls(private, x509.load_pem_x509_certificate(certificate))

    def issue(self, holder: Holder, now: float, lifetime: float) -> tuple[bytes, bytes]:
        """A certificate for a new TLS key, and that key; both PEM."""
        key = Ed25519PrivateKey.generate()
        public = key.public_key()
        ca_key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        uri = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(holder.uri)])
        certificate = (
            _builder(public, now, lifetime)
            .subject_name(_name(holder.node))
            .issuer_name(self.certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(uri, critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(ca_key_id, critical=False)
            .sign(self.key, None)
        )
        return certificate.public_bytes(Encoding.PEM), pem(key)


def pem(key: Ed25519PrivateKey) -> bytes:
    """A private key as PEM (PKCS 8), not encrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _name(common: str) -> x509.Name:
    # RFC 5280 appendix A: at most 64 characters. The URI, not this, is the identity.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _builder(key: Ed25519PublicKey, now: float, lifetime: float) -> x509.CertificateBuilder:
    begin = datetime.fromtimestamp(now, UTC)
    return (
        x509.CertificateBuilder()
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - BACKDATED)
        .not_valid_after(begin + timedelta(seconds=lifetime))
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )

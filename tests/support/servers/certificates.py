"""Certificates of one's own, for servers on this machine and for their clients."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_HOUR = timedelta(hours=1)


class Authority:
    """Issues certificates; ``file`` is its own, as PEM."""

    def __init__(self, folder: Path, name: str = "an authority for tests") -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            self._builder(self._name, self._key.public_key(), 10 * _HOUR, timedelta(days=3_650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / f"{name.replace(' ', '-')}.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self, unit: str, name: str = "127.0.0.1", *, age: timedelta = _HOUR, left: timedelta = 10 * _HOUR
    ) -> Path:
        """A file with a new key and its certificate: of a host, an address, or a client with that name.

        It was made ``age`` ago, and ends in ``left``, or ended. ``unit`` is the ``OU`` of its subject.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        parts = ((NameOID.ORGANIZATION_NAME, "test"), (NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
        subject = [x509.NameAttribute(oid, text) for oid, text in (*parts, (NameOID.COMMON_NAME, name))]
        is_address = name[0].isdigit()
        known_as = x509.IPAddress(ip_address(name)) if is_address else x509.DNSName(name)
        usage = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
        certificate = (
            self._builder(x509.Name(subject), key.public_key(), age, left)
            .add_extension(x509.SubjectAlternativeName([known_as]), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = self._folder / f"{certificate.serial_number:x}.pem"
        file.touch(0o600)
        file.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
        return file

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, age: timedelta, left: timedelta
    ) -> x509.CertificateBuilder:
        now, ours = datetime.now(UTC), self._key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - age)
            .not_valid_after(now + left)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ours), critical=False)
        )

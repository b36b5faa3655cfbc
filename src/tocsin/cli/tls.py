"""Whether a certificate and its key can be served."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path


def tls_trouble(certificate: str, key: str) -> str:
    """Why these two files cannot be served, as a sentence; empty when they can.

    Parameters:
        certificate, key: paths of PEM files.
    """
    import ssl

    for name, path in (("tls_cert", certificate), ("tls_key", key)):
        try:
            text = Path(path).read_bytes()
        except OSError as error:
            return f"{name}: {path} cannot be read: {error.strerror or error}"
    # In PKCS #8, and as it was written before that.
    if b"BEGIN ENCRYPTED PRIVATE KEY" in text or b"Proc-Type: 4,ENCRYPTED" in text:
        plain = shlex.join(["openssl", "pkey", "-in", key, "-out", f"{key}.plain"])
        return (
            f"tls_key: {key} is encrypted, and nobody is there to type its passphrase: `{plain}`, as the user that"
            f" serve runs as, writes it without one; name that file"
        )
    try:
        # An empty password, or OpenSSL would ask for one at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error) or "no PEM"
        return f"tls_cert, tls_key: {certificate} and {key} are no certificate with its key ({reason})"
    return ""


def valid_until(certificate: str) -> datetime:
    """When the first certificate of a readable PEM file expires."""
    from cryptography import x509

    return x509.load_pem_x509_certificates(Path(certificate).read_bytes())[0].not_valid_after_utc

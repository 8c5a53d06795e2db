"""What every test may use: the shared kit of real data, when it is there, the proxy of tests/faults, and certificates."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"

# Speed is a benchmark, never a test: no deadlines. At a desk examples are drawn afresh; what decides whether a change may
# land must answer the same for the same change.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")
_KIT = Path(__file__).parents[2] / "shared" / "kit"

_spec = importlib.util.spec_from_file_location("fault_proxy", Path(__file__).parent / "faults" / "proxy.py")
assert _spec is not None
assert _spec.loader is not None
_proxy = sys.modules["fault_proxy"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_proxy)
fault_proxy, faults = _proxy.fault_proxy, _proxy.faults


@pytest.fixture(scope="session")
def missing() -> Callable[[str], NoReturn]:
    """What to call when a program that `scripts/packages` installs is not here: a desk may do without, CI may not."""

    def tell(reason: str) -> NoReturn:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)

    return tell


@pytest.fixture(scope="session")
def kit() -> Path:
    """The folder of openly licensed test data beside the repository; the test is skipped without it."""
    if not _KIT.is_dir():
        pytest.skip("the shared kit is not here: ../shared/kit")
    return _KIT


@pytest.fixture
def certify(tmp_path: Path) -> Callable[..., Path]:
    """Writes a key and a certificate that signs itself, for an address and some days."""

    def make(address: str = "127.0.0.1", days: int = 1) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server of the tests")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(
                name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=30), now + timedelta(days=days)
            )
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        path = tmp_path / f"{address}{days}.pem"
        encoding, form, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        path.write_bytes(key.private_bytes(encoding, form, plain) + certificate.public_bytes(encoding))
        return path

    return make

"""What every test may use: the shared kit of real data, when it is there, the proxy of tests/faults, and certificates."""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import ipaddress
import os
import random
import shutil
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

os.environ["HF_HUB_OFFLINE"] = "1"
gc.disable()  # until all is collected: what is made until then stays
gc.set_threshold(10_000, 20, 20)  # what workers keep from module to module is walked through a tenth as often

# Speed is a benchmark, never a test: no deadlines. At a desk examples are drawn afresh; what decides whether a change may
# land must answer the same for the same change.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")
_DROP_CAPABILITY, _SYS_NICE = 24, 23
"""Of prctl(2), for what is started from here."""
PATIENCE = 60_000
"""Milliseconds a condition in a browser may take on a loaded machine; nothing waits this long when all is well."""
_KIT = Path(__file__).parents[2] / "shared" / "kit"
_OF_REVIEWS = tuple(
    f"tests/sidenote/{name}"
    for name in ("web/view/", "web/test_answering.py", "test_other_peoples_cases.py", "test_over_the_wire.py", "test_stories.py")
)
"""Where most tests are about the reviews of every story (`reviews` of tests/sidenote/conftest.py), which each worker would make anew."""
_OF_MEDPLUM = ("tests/fhir/rest/test_medplum.py", "tests/fhir/rest/test_medplum_validates.py")
"""What starts the same server."""

_spec = importlib.util.spec_from_file_location("fault_proxy", Path(__file__).parent / "faults" / "proxy.py")
assert _spec is not None
assert _spec.loader is not None
_proxy = sys.modules["fault_proxy"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_proxy)
fault_proxy, faults = _proxy.fault_proxy, _proxy.faults


def pytest_configure(config: pytest.Config) -> None:
    """Workers take modules in the order of `pytest_collection_modifyitems`, not in that of xdist, in which the longest may come last.

    A Chromium that root starts gives itself precedence (nice -8) over the servers it asks, which no browser of a user has: it may not.
    """
    config.option.loadscopereorder = False
    with suppress(AttributeError):  # elsewhere than on Linux
        ctypes.CDLL(None).prctl(_DROP_CAPABILITY, _SYS_NICE)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules with a slow test first, then those with the most tests: no worker is left alone with a long one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    size = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path not in slow, -size[item.path], item.path))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A module is run by one worker; those of `_OF_REVIEWS` together by one, and those of `_OF_MEDPLUM`."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    if config.getoption("dist") != "loadscope":
        return None
    scheduling = LoadScopeScheduling(config, log)
    usual = scheduling._split_scope
    together = {"reviews": _OF_REVIEWS, "medplum": _OF_MEDPLUM}
    scheduling._split_scope = lambda nodeid: next((name for name, them in together.items() if nodeid.startswith(them)), usual(nodeid))
    return scheduling


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """The collector does not walk again through modules and tests, which stay to the end."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def missing() -> Callable[[str], NoReturn]:
    """What to call when a program that `scripts/packages` installs is not here: a desk may do without, CI may not."""

    def tell(reason: str) -> NoReturn:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)

    return tell


@pytest.fixture(scope="session")
def ports_for_children() -> Callable[[], int]:
    """Finds a port of loopback for a process that binds it in a while: of those that the system hands out to nobody by itself."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    def find() -> int:
        while True:
            with socket.socket() as probe, suppress(OSError):
                probe.bind(("127.0.0.1", random.SystemRandom().randrange(11_000, first)))
                port: int = probe.getsockname()[1]
                return port

    return find


@pytest.fixture(scope="session")
def kit() -> Path:
    """The folder of openly licensed test data beside the repository; the test is skipped without it."""
    if not _KIT.is_dir():
        pytest.skip("the shared kit is not here: ../shared/kit")
    return _KIT


@pytest.fixture(scope="session")
def comes_true() -> Callable[..., None]:
    """Asks a page or a frame until an expression is true.

    Not `wait_for_function`: from its second look on that evaluates a text inside the page, and a strict Content-Security-Policy forbids it.
    """

    def ask(place: Any, expression: str, arg: Any = None) -> None:
        from playwright.sync_api import Error

        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(Error):  # the page goes elsewhere
                if place.evaluate(expression, arg):
                    return
            time.sleep(0.02)
        pytest.fail(f"this never came true: {expression}")

    return ask


@pytest.fixture(scope="session")
def one_renderer(missing: Callable[[str], NoReturn]) -> Callable[..., AbstractContextManager[BrowserContext]]:
    """Opens headless Chromium for a block, one renderer for all of its tabs: it costs as much to start as a page costs to load.

    The first tab stays at the address given, so that the renderer lives on between two tests. Keywords are those of Playwright's
    `new_context`. For a module and no longer: while it stands an event loop runs in this thread, which tests elsewhere want for themselves.
    """

    @contextmanager
    def browsing(first: str, **options: Any) -> Iterator[BrowserContext]:
        from playwright.sync_api import expect, sync_playwright

        found = shutil.which("chromium")
        if found is None:
            missing("Chromium is not installed")
        expect.set_options(timeout=PATIENCE)
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=found, args=["--no-sandbox", "--renderer-process-limit=1"])
            context = browser.new_context(**options)
            context.set_default_timeout(PATIENCE)
            context.new_page().goto(first)
            yield context
            browser.close()

    return browsing


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

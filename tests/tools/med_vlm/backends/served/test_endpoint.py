"""Where a patient's images may be sent, and who sees the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools.med_vlm.asked import Asked
from tools.med_vlm.backends.served.endpoint import endpoint_of
from tools.med_vlm.errors import MedVlmError, ModelSourceRefused
from tools.med_vlm.vision_model import Prompt


@pytest.mark.parametrize(
    ("source", "base"),
    [
        ("https://models.example/v1", "https://models.example/v1"),
        ("https://models.example", "https://models.example/v1"),
        ("https://models.example:8443/", "https://models.example:8443/v1"),
        ("https://models.example/radiology/openai/", "https://models.example/radiology/openai"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_a_server_is_named_up_to_its_version(source: str, base: str) -> None:
    assert endpoint_of(source).url("chat/completions") == f"{base}/chat/completions"


@pytest.mark.parametrize(
    "source",
    [
        "http://models.example/v1",
        "http://10.0.0.7:8000/v1",
        "http://127.0.0.1.models.example/v1",
        "https://user:secret@models.example/v1",
        "https://models.example/v1?key=secret",
        "https://models.example/v1#secret",
        "file:///models",
        "models.example",
        "",
        "https://models.example/v1\r\nHost: other",
    ],
)
def test_without_tls_nothing_leaves_this_machine_and_a_url_holds_no_secret(source: str) -> None:
    with pytest.raises(ModelSourceRefused) as refused:
        endpoint_of(source)
    assert "secret" not in str(refused.value)
    assert "example" not in str(refused.value)


def test_the_key_is_read_from_its_file_and_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-quite-secret\n")
    endpoint = endpoint_of("https://models.example", file)
    assert endpoint.headers["Authorization"] == "Bearer sk-quite-secret"
    assert "secret" not in repr(endpoint)
    assert "Authorization" not in endpoint_of("https://models.example").headers


@pytest.mark.parametrize("content", [None, b"", b" \n", b"two words", b"k\xc3\xa9y", b"key\nX-Other: 1", b"k" * 5000])
def test_a_file_without_a_usable_key_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelSourceRefused, match="key"):
        endpoint_of("https://models.example", file)


@pytest.mark.fault(10)
def test_the_key_goes_with_every_question_and_not_where_a_server_sends_us(serve: Any, open_model: Any, grey: Any, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-quite-secret")
    elsewhere = serve()
    server = serve(faults=["elsewhere"])
    model = open_model(server, key_file=file)
    with pytest.raises(MedVlmError):
        write(model, grey(0.5))
    assert {headers["Authorization"] for _, headers, _ in server.asked} == {"Bearer sk-quite-secret"}
    assert {headers["Accept-Encoding"] for _, headers, _ in server.asked} == {"identity"}
    assert elsewhere.asked == []


def write(model: Any, asked: Asked) -> Any:
    return model.write(asked, Prompt("", "Describe.", most_tokens=16))

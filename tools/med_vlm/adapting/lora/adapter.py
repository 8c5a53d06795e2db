"""LoRA for generative readers by peft: matrices of low rank beside frozen ones learn a site's way of reporting (Hu et al., ICLR 2022)."""

from __future__ import annotations

import inspect
import json
import shutil
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from retrieval.archive.cases import ReadPicture, read_image
from retrieval.errors import ExtraMissing
from tools.med_vlm.adapting.examples.corpus import Corpus, Split
from tools.med_vlm.adapting.lora.chat import Chat, Task, tasks_of
from tools.med_vlm.adapting.plan import Plan
from tools.med_vlm.adapting.progress import Tell, silent
from tools.med_vlm.adapting.training.adapted import MODEL, Adapted, Base
from tools.med_vlm.adapting.training.course import Course
from tools.med_vlm.adapting.training.state import workplace
from tools.med_vlm.asked import Image
from tools.med_vlm.errors import TrainingBaseRefused

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from tools.med_vlm.adapting.loading import Source
    from tools.med_vlm.adapting.training.loop import Rows, Taught

LANGUAGE = r"(?!.*(vision|visual|image)).*\.(q_proj|k_proj|v_proj|o_proj|out_proj|gate_proj|up_proj|down_proj|fc1|fc2)"
"""The matrices of attention and of the layers between, in whatever is not of the image tower."""
MERGED = "merged"
ROUNDING = 1e-3
"""Of what a changed token changes behind it, the share that may show before it."""
_OWN = frozenset({"config.json", "generation_config.json", "model.safetensors.index.json"})
"""What a model writes for itself when it is saved; every other file of the base goes with it as it is."""


@dataclass(frozen=True, kw_only=True)
class LoraPlan(Plan):
    """How to train an adapter."""

    base: str
    """Folder of a generative reader."""
    rank: int = 16
    alpha: int = 32
    """The adapter is multiplied with alpha / rank."""
    dropout: float = 0.05
    where: Literal["language", "all"] = "language"
    """Whether the image tower gets adapters as well."""
    questions: int = 2
    """Beside its report, so many findings that it affirms and so many that it denies are asked of each case."""
    longest: int = 512
    """Tokens of an answer; tasks with a longer one are left out."""
    share: int = 1
    """Tasks that go through the model at once; the step is the same whatever this is, up to rounding."""
    merge: bool = False
    """Whether the whole adapted model is written besides, to `merged`."""
    epochs: int = 3
    peak: float = 2e-4


def adapt(plan: LoraPlan, archive: Path, folder: Path, tell: Tell = silent, *, read: ReadPicture = read_image) -> Adapted:
    """Train an adapter for `plan.base` on an archive, or go on with a training begun in `folder`. The adapter is in `folder/model`.

    The arguments are those of `course.Course`.

    Raises:
        BadArchive, TrainingDataRefused, TrainingStateDamaged: as `course.Course`.
        TrainingBaseRefused, CheckpointRefused: the base cannot be adapted so.
        ModelNotFound, ModelFormatRefused, ModelCodeRefused: it is not there, is pickled, or asks to run code of its own.
        ModelOutOfMemory: the device is too small for it.
        ExtraMissing: peft is not installed.
        TrainingBusy: another process trains in `folder`.
        TrainingDiverged: the loss stopped being a number.
    """
    from tools.med_vlm.adapting.loading import source_of

    with workplace(folder):
        source = source_of(plan.base)
        course = Course("lora", plan, archive, folder, source.fingerprint, tell=tell, read=read)
        if course.done is not None:
            return course.done
        model, chat = open_adapted(plan, source)
        seen = course.shown(_only_decoded, "decoded")
        trained = course.train(Conversations(model, chat, seen.corpus, plan, read))
        save_adapter(model, source, folder / MODEL)
        if plan.merge:
            save_merged(model, source, folder / MERGED)
        base = Base(name=source.folder.name, fingerprint=source.fingerprint, licence=source.folder.licence)
        return course.finish(base, trained)


def _only_decoded(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Nothing is kept: every family of models wants its own pictures, many times as large. Only that it can be decoded is known."""
    import numpy as np

    return np.zeros(1, dtype=np.uint8)


def open_adapted(plan: LoraPlan, source: Source) -> tuple[Any, Chat]:
    """The base model with a fresh adapter, drawn by the plan's seed, and its way of writing conversations down.

    Raises:
        ExtraMissing, TrainingBaseRefused, CheckpointRefused, ModelOutOfMemory: as `adapt`.
    """
    import torch

    from tools.med_vlm.backends.local.network import load_network, refused
    from tools.med_vlm.backends.local.processing import load_processor
    from tools.med_vlm.backends.local.prompting import turns_of
    from tools.med_vlm.backends.placing import device_of

    peft = _peft()
    with refused():
        turns = turns_of(load_processor(source.folder.path, source.kind), source.kind)
    network = load_network(source.folder.path, device_of(plan.device))
    if network.config.is_encoder_decoder:
        raise TrainingBaseRefused("it writes with a decoder apart from what it reads; only models that go on with one text are adapted")
    config = peft.LoraConfig(
        r=plan.rank, lora_alpha=plan.alpha, lora_dropout=plan.dropout, target_modules=LANGUAGE if plan.where == "language" else "all-linear"
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers for a name that is going
                model, chat = peft.get_peft_model(network, config), Chat(turns)
        except ValueError as error:
            raise TrainingBaseRefused("it has no layers that an adapter goes beside") from error
    refuse_foresight(model, chat)
    return model, chat


def refuse_foresight(model: Any, chat: Chat) -> None:
    """Refuse a model that would see an answer before it gives it: its loss would fall, and it would have learnt to copy.

    Some families read all of a text at once unless they are told what of it is the answer.

    Raises:
        TrainingBaseRefused: scores change when what comes after them does.
    """
    import numpy as np
    import torch

    from tools.med_vlm.adapting.training.loop import modes
    from tools.med_vlm.backends.pixels import to_pil

    grey = to_pil(Image(np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)))
    batch, _ = chat.batch([Task(0, "", "Describe the image.", "The heart is enlarged and the lungs are clear.")], [grey])
    tokens = batch["input_ids"]
    other = tokens.clone()
    other[0, -2] = tokens[0, -4]
    modes(model, training=True)
    said = []
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        for each in (tokens, other):
            torch.manual_seed(0)  # what is dropped out is the same for both
            moved = _moved({**batch, "input_ids": each}, model)
            said.append(model(**moved, use_cache=False).logits[0].float())
    change = (said[0] - said[1]).abs().amax(1)
    if float(change[:-2].max()) > ROUNDING * float(change[-2:].max()):
        raise TrainingBaseRefused("it sees an answer before it gives it")


def _moved(batch: dict[str, torch.Tensor], model: Any) -> dict[str, torch.Tensor]:
    """A batch on the model's device, floats in its precision."""
    like = next(model.parameters())
    return {name: each.to(like.device, like.dtype) if each.is_floating_point() else each.to(like.device) for name, each in batch.items()}


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise ExtraMissing("adapters of low rank need peft: install sidenote[training]") from error
    return peft


def save_adapter(model: Any, source: Source, folder: Path) -> None:
    """Write the adapter as peft does, naming the base by its folder's name and not by its path."""
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    config = folder / "adapter_config.json"
    told = {**json.loads(config.read_text("utf-8")), "base_model_name_or_path": source.folder.name}
    config.write_text(json.dumps(told, indent=1), encoding="utf-8")


def save_merged(model: Any, source: Source, folder: Path) -> None:
    """Write the whole adapted model, as its base is published: the model itself has no adapter after this."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
    model.merge_and_unload().save_pretrained(folder)
    for path in source.folder.path.iterdir():
        if path.is_file() and path.suffix != ".safetensors" and path.name not in _OWN:
            shutil.copyfile(path, folder / path.name)


class Conversations:
    """Implements `loop.Lesson`: examples are tasks, so that a case comes up as often as there is something to ask of it."""

    def __init__(self, model: Any, chat: Chat, corpus: Corpus, plan: LoraPlan, read: ReadPicture) -> None:
        """Teach `model` on the cases of `corpus`."""
        self.model: torch.nn.Module = model
        self.share: int | None = plan.share
        self._chat, self._corpus, self._read = chat, corpus, read
        self._tasks: dict[Split, tuple[Task, ...]] = {part: self._short(part, plan) for part in ("train", "held_out")}
        self.examples, self.held_out = len(self._tasks["train"]), len(self._tasks["held_out"])
        self._cuts = "logits_to_keep" in inspect.signature(model.get_base_model().forward).parameters

    def _short(self, part: Split, plan: LoraPlan) -> tuple[Task, ...]:
        tasks = tasks_of(self._corpus.pairs[part], plan.questions)
        return tuple(task for task in tasks if self._chat.written(task)[2] <= plan.longest)

    def teach(self, rows: Rows, random: torch.Generator) -> Taught:
        """The loss of some tasks, a sum over their answers' tokens."""
        return self._taught("train", rows)

    def examine(self, rows: Rows, random: torch.Generator) -> Taught:
        """The same of held-out tasks."""
        return self._taught("held_out", rows)

    def _taught(self, part: Split, rows: Rows) -> Taught:
        from torch.nn import functional

        from tools.med_vlm.adapting.losses import NOT_ASKED
        from tools.med_vlm.adapting.training.loop import Taught

        tasks = [self._tasks[part][row] for row in rows]
        batch, labels = self._batch(part, tasks)
        longest = int((labels != NOT_ASKED).sum(1).max())
        keep = {"logits_to_keep": longest + 1} if self._cuts else {}  # a quarter of a million words for every token of an image else
        said = self.model(**batch, **keep, use_cache=False).logits[:, -longest - 1 : -1].float()
        wanted = labels[:, -longest:].to(said.device)
        total = functional.cross_entropy(said.flatten(0, 1), wanted.flatten(), ignore_index=NOT_ASKED, reduction="sum")
        asked = wanted != NOT_ASKED
        right = float((said.argmax(2) == wanted)[asked].float().mean())
        return Taught(total, float(asked.sum()), {"tokens_right": right})

    def _batch(self, part: Split, tasks: list[Task]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        from tools.med_vlm.backends.pixels import to_pil

        pairs = self._corpus.pairs[part]
        batch, labels = self._chat.batch(tasks, [to_pil(Image(self._read(pairs[task.pair].image))) for task in tasks])
        return _moved(batch, self.model), labels

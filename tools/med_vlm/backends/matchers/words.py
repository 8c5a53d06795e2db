"""A BERT's word pieces as its folder gives them: `tokenizer.json`, or the older `vocab.txt`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrieval.encoders.folder import ModelFolder
from tools.med_vlm.checkpoint import refusing, settings
from tools.med_vlm.errors import CheckpointRefused, MedVlmError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_UNKNOWN = "[UNK]"
_SPECIAL = ("[CLS]", "[SEP]", "[MASK]", "[PAD]")


@dataclass(frozen=True)
class Words:
    """Texts to token numbers, and the numbers of the tokens that frame, hide and fill."""

    cls: int
    sep: int
    mask: int
    pad: int
    _tokenizer: Tokenizer = field(repr=False)

    def fitting(self, rows: int) -> Words:
        """These, if the model's table of `rows` embeddings has one for each.

        Raises:
            CheckpointRefused: it has fewer, so that they are another model's.
        """
        if self._tokenizer.get_vocab_size() > rows:
            raise CheckpointRefused("there are more word pieces than embeddings: they belong to another model")
        return self

    def pieces(self, text: str) -> list[int]:
        """The token numbers of a text, without a frame."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def framed(self, text: str, longest: int) -> list[int]:
        """[CLS], the text, [SEP]: `longest` token numbers at most, the text's end cut off."""
        return [self.cls, *self.pieces(text)[: longest - 2], self.sep]


def read_words(folders: Sequence[ModelFolder | None]) -> Words:
    """The word pieces of the first folder that has any.

    Raises:
        CheckpointRefused: no folder has, or they lack a token that BERT needs.
    """
    for folder in filter(None, folders):
        for name, read in (("tokenizer.json", _from_json), ("vocab.txt", _from_vocabulary)):
            if folder.has(name):
                return _words(_read(read, folder))
    raise CheckpointRefused("the folder has neither tokenizer.json nor vocab.txt; `base` may name one that has")


def _read(read: Callable[[ModelFolder], Tokenizer], folder: ModelFolder) -> Tokenizer:
    try:
        with refusing():
            return read(folder)
    except MedVlmError:
        raise
    except Exception as error:  # the library raises nothing narrower
        raise CheckpointRefused("the folder's word pieces cannot be read") from error


def _from_json(folder: ModelFolder) -> Tokenizer:
    from tokenizers import Tokenizer

    made = Tokenizer.from_file(str(folder.file("tokenizer.json")))
    made.no_padding()
    made.no_truncation()
    return made


def _from_vocabulary(folder: ModelFolder) -> Tokenizer:
    """As `BertTokenizer` reads it: lower case unless `tokenizer_config.json` says otherwise, even for a vocabulary with capitals."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    told = settings(folder.path, "tokenizer_config.json") if folder.has("tokenizer_config.json") else {}
    made = Tokenizer(models.WordPiece.from_file(str(folder.file("vocab.txt")), unk_token=_UNKNOWN))
    made.normalizer = normalizers.BertNormalizer(lowercase=bool(told.get("do_lower_case", True)))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


def _words(tokenizer: Tokenizer) -> Words:
    numbers = [number for token in _SPECIAL if (number := tokenizer.token_to_id(token)) is not None]
    if len(numbers) != len(_SPECIAL):
        raise CheckpointRefused("the word pieces lack [CLS], [SEP], [MASK] or [PAD]")
    cls, sep, mask, pad = numbers
    return Words(cls, sep, mask, pad, tokenizer)

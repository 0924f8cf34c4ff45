"""What tiny checkpoints are made of: real tokenizers, weights that react, and saving.

The weights are random, so answers mean nothing; they differ from picture to picture all the same.
"""

from __future__ import annotations

import string
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

t: Any = import_module("transformers")

CORPUS = [
    "a photo of a cat. a dog on the grass. describe this image. user assistant system",
    "what is in the picture? red blue green square circle person car tree lightning yes no",
] * 4

_TURNS = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}@PICTURE@"
    "{% elif c['type'] == 'video' %}@VIDEO@"
    "{% elif c['type'] == 'text' %}{{ c['text'] }}{% endif %}{% endfor %}"
    "{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
}
TOWER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def chat_template(picture: str = "", video: str = "") -> str:
    """Return a chat template in which these stand for a picture and a video."""
    return _TURNS.replace("@PICTURE@", picture).replace("@VIDEO@", video)


def byte_pairs(
    special: dict[str, str] | None = None, extra: list[str] | None = None, size: int = 384
) -> Any:
    """Return a byte-level tokenizer; `special` become `tokenizer.<name>` and `<name>_id`."""
    named, more = special or {}, extra or []
    base = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>"]
    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[*base, *named.values(), *more],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return t.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|pad|>",
        padding_side="left",
        extra_special_tokens=named or more,
    )


def clip_letters(length: int = 77) -> Any:
    """Return a CLIP tokenizer whose words are single letters."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*alphabet, *(c + "</w>" for c in alphabet), "<|startoftext|>", "<|endoftext|>"]
    return t.CLIPTokenizerFast(
        vocab={word: number for number, word in enumerate(words)},
        merges=[],
        model_max_length=length,
        bos_token="<|startoftext|>",
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        unk_token="<|endoftext|>",
    )


def bert_words() -> Any:
    """Return a BERT tokenizer whose special tokens have the numbers Grounding DINO counts on."""
    numbers = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}
    numbers |= {1012: ".", 1029: "?", 1010: ","}
    words = [numbers.get(i, f"[unused{i}]") for i in range(1030)]
    known = "a an the cat dog person car tree red blue green square circle photo of on grass sky"
    letters = list(string.ascii_lowercase) + ["##" + c for c in string.ascii_lowercase]
    words += dict.fromkeys([*known.split(), *letters])
    return t.BertTokenizerFast(vocab={word: number for number, word in enumerate(words)})


def siglip2_letters() -> Any:
    """Return a SigLIP 2 tokenizer, which makes lower case of everything, of single letters."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    bytes_ = [f"<0x{number:02X}>" for number in range(256)]
    words = [*special, *bytes_, "▁", *string.ascii_lowercase, *string.digits]
    return t.Siglip2Tokenizer(vocab={word: number for number, word in enumerate(words)}, merges=[])


def clip_tokens(tokenizer: Any) -> dict[str, int]:
    """Return the special numbers a CLIP text tower's config wants."""
    return {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def liven(model: Any, gain: float = 1.5) -> None:
    """Rescale weights so that outputs depend on inputs; as initialised they hardly do."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() < 2:
                continue
            fan = weight.shape[-1] if "embed" in name else weight[0].numel()
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(noise * gain / max(fan, 1) ** 0.5)


def save(model: Any, processor: Any, folder: Path) -> None:
    """Write a checkpoint of random but lively weights as a user's download would lie there."""
    liven(model)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)

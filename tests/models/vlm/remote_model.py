"""A tiny model of MiniCPM-V 4.5's shape, with Python code of its own that has to be run.

Its code is of transformers 4's days: it never calls `post_init`, imports flash_attn at the top,
and answers through `chat`. It leaves a line in a diary when it is imported and whenever it is
asked, so a test can tell that it ran, and what it was given.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.lazy import lazy

torch = lazy("torch")

IMPORTED = """
with open(DIARY, "a") as diary:
    diary.write('"imported"\\n')
"""

CONFIGURATION = """
from transformers import PretrainedConfig

class TinyMiniCPMVConfig(PretrainedConfig):
    model_type = "minicpmv"

    def __init__(self, text=None, diary="", **kwargs):
        self.text, self.diary = text or {}, diary
        super().__init__(**kwargs)
"""

MODELING = """
import json
from copy import deepcopy

import torch
from flash_attn import flash_attn_func
from flash_attn.bert_padding import index_first_axis
from PIL import Image
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from .configuration_tiny import TinyMiniCPMVConfig

with open(DIARY, "a") as diary:
    diary.write('"imported"\\n')


class MiniCPMV(PreTrainedModel):
    config_class = TinyMiniCPMVConfig
    _supports_sdpa = True

    def __init__(self, config):
        super().__init__(config)
        self.llm = Qwen2ForCausalLM(Qwen2Config(**config.text))
        self.sight = torch.nn.Linear(4, config.text["hidden_size"])
        self.terminators = ["<|im_end|>", "<|endoftext|>"]

    def _decode(self, inputs_embeds, tokenizer, attention_mask, **kwargs):
        ends = [tokenizer.convert_tokens_to_ids(each) for each in self.terminators]
        ids = self.llm.generate(inputs_embeds=inputs_embeds, pad_token_id=0, eos_token_id=ends,
                                attention_mask=attention_mask, **kwargs)
        rows = [[t for t in row.tolist() if t not in (0, *ends)] for row in ids]
        return [tokenizer.decode(row).strip() for row in rows]

    def chat(self, image=None, msgs=None, tokenizer=None, processor=None, max_new_tokens=2048,
             sampling=True, system_prompt="", max_slice_nums=None, use_image_id=None,
             temporal_ids=None, enable_thinking=False, **kwargs):
        msgs = deepcopy(msgs)
        content = msgs[0]["content"]
        images = [c for c in content if isinstance(c, Image.Image)]
        words = ["(<image>./</image>)" if isinstance(c, Image.Image) else c for c in content]
        turns = [{"role": "user", "content": "\\n".join(words)}]
        if system_prompt:
            turns = [{"role": "system", "content": system_prompt}, *turns]
        prompt = processor.tokenizer.apply_chat_template(turns, tokenize=False,
            add_generation_prompt=True, enable_thinking=enable_thinking)
        with open(DIARY, "a") as diary:
            diary.write(json.dumps(dict(prompt=prompt, images=len(images), tokens=max_new_tokens,
                temporal_ids=temporal_ids, max_slice_nums=max_slice_nums,
                use_image_id=use_image_id, enable_thinking=enable_thinking, sampling=sampling,
                processor=type(processor).__name__, tokenizer=type(tokenizer).__name__)) + "\\n")
        data = processor(prompt, images, temporal_ids=temporal_ids)
        options = {"num_beams": 3, "repetition_penalty": 1.2}
        options.update((key, kwargs[key]) for key in options.keys() & kwargs.keys())
        embedded = self.llm.model.embed_tokens(data["input_ids"])
        if images:
            seen = self.sight(data["colours"].to(embedded.dtype))
            embedded = torch.cat([seen[None], embedded], 1)
        mask = torch.ones(embedded.shape[:2], dtype=torch.long)
        options["max_new_tokens"] = max_new_tokens
        answer = self._decode(embedded, tokenizer, mask, **options)[0]
        return "<think>\\n" + answer if enable_thinking else answer
"""

PROCESSING = """
import numpy as np
import torch
from transformers.processing_utils import ProcessorMixin


class TinyMiniCPMVProcessor(ProcessorMixin):
    attributes = ["image_processor", "tokenizer"]
    image_processor_class = "AutoImageProcessor"
    tokenizer_class = "AutoTokenizer"

    def __init__(self, image_processor=None, tokenizer=None):
        super().__init__(image_processor, tokenizer)

    def __call__(self, text, images, temporal_ids=None):
        assert text.count("(<image>./</image>)") == len(images), "pictures and places differ"
        packs = temporal_ids or [[-1]] * len(images)
        times = [time for pack in packs for time in pack]
        means = [np.asarray(image).mean((0, 1)) / 255 for image in images]
        colours = [[*mean, time / 10] for mean, time in zip(means, times, strict=True)]
        joined, at = [], 0
        for pack in packs:
            joined.append(np.mean(colours[at : at + len(pack)], 0) if colours else None)
            at += len(pack)
        ids = self.tokenizer(text, return_tensors="pt")["input_ids"]
        return {"input_ids": ids, "colours": torch.tensor(np.array(joined), dtype=torch.float32)}
"""

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}<|im_start|>assistant\n{% if enable_thinking %}<think>\n{% endif %}"
)


def build(folder: Path, diary: Path, *, processor_named: bool = True) -> Path:
    """Write the model; without `processor_named` AutoProcessor finds a mere tokenizer."""
    from safetensors.torch import save_file
    from transformers import CLIPImageProcessor, Qwen2Config, Qwen2ForCausalLM

    from tests.tiny.parts import TEXT, byte_pairs, liven

    folder.mkdir(parents=True)
    tokenizer = byte_pairs({"im_start": "<image>", "im_end": "</image>"})
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    text: dict[str, Any] = {**TEXT, "vocab_size": len(tokenizer), "tie_word_embeddings": False}
    CLIPImageProcessor(size={"shortest_edge": 32}).save_pretrained(folder)
    _write_code(folder, diary)
    named = {
        "AutoConfig": "configuration_tiny.TinyMiniCPMVConfig",
        "AutoModel": "modeling_tiny.MiniCPMV",
    }
    if processor_named:
        named["AutoProcessor"] = "processing_tiny.TinyMiniCPMVProcessor"
        _change(
            folder / "preprocessor_config.json", auto_map={"AutoProcessor": named["AutoProcessor"]}
        )
    config = {
        "model_type": "minicpmv",
        "architectures": ["MiniCPMV"],
        "auto_map": named,
        "text": text,
    }
    (folder / "config.json").write_text(json.dumps(config))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same answers, whichever test comes first
        inner: Any = Qwen2ForCausalLM(Qwen2Config(**text))
        sight = torch.nn.Linear(4, text["hidden_size"])
    liven(inner)
    liven(sight)
    weights = {f"llm.{name}": one for name, one in inner.state_dict().items()}
    weights |= {f"sight.{name}": one for name, one in sight.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def entries(diary: Path) -> list[Any]:
    """Return what its code wrote down, oldest first; nothing if it never ran."""
    if not diary.is_file():
        return []
    return [json.loads(line) for line in diary.read_text().splitlines()]


def _write_code(folder: Path, diary: Path) -> None:
    header = f"DIARY = {str(diary)!r}\n"
    (folder / "configuration_tiny.py").write_text(f"{header}{IMPORTED}{CONFIGURATION}")
    (folder / "modeling_tiny.py").write_text(header + MODELING)
    (folder / "processing_tiny.py").write_text(PROCESSING)


def _change(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

"""Options of `scan` and `watch` that set one setting each and override the profile if given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import UsageError
from ..text import clean, nearest

if TYPE_CHECKING:
    from ..config.spec import Spec
    from ..config.stages import StageDeclaration

F = TypeVar("F", bound=Callable[..., Any])
Flags = Mapping[str, Any]
"""what was typed, by the option's name; None or nothing where it was not"""
DTYPES = ("auto", "float32", "bfloat16", "float16")
MOST_QUESTIONS = 256
"""of a VLM at once, see `vlm.batch_size`"""
_KEYS = {
    "attn": "models.attn",
    "dtype": "models.dtype",
    "fps": "sampling.fps",
    "max_frames": "sampling.max_frames",
    "image_size": "models.image_size",
    "no_resize": "models.no_resize",
    "batch_size": "models.batch_size",
    "packing": "vlm.packing",
    "max_slice_nums": "vlm.max_slice_nums",
    "thinking": "vlm.thinking",
    "preload_model": "models.preload",
    "index": "run.index",
}
"""by option, the setting it is"""

_OPTIONS = (
    click.option("--model-revision", multiple=True, metavar="[MODEL=]REVISION",
                 help="Commit, tag or branch; repeatable. MODEL= may be omitted for one model."),
    click.option("--attn", metavar="NAME", help="Attention backend: auto, sdpa, eager, ..."),
    click.option("--dtype", type=click.Choice(DTYPES), help="Precision of the weights."),
    click.option("--fps", type=float, metavar="N", help="Frames per second for models."),
    click.option("--max-frames", type=int, metavar="N",
                 help="Maximum number of frames per video for models."),
    click.option("--image-size", type=int, metavar="PIXELS",
                 help="Longest side of frames for models."),
    click.option("--no-resize", is_flag=True, default=None,
                 help="Do not resize frames for models."),
    click.option("--batch-size", type=int, metavar="N",
                 help="Frames that a model processes at once."),
    click.option("--packing", type=int, metavar="N",
                 help="Frames of a video per question to a VLM."),
    click.option("--max-slice-nums", type=int, metavar="N",
                 help="Slices of one high-resolution frame (MiniCPM-V)."),
    click.option("--thinking/--no-thinking", default=None,
                 help="Whether a VLM reasons before it answers."),
    click.option("--preload-model/--no-preload-model", default=None,
                 help="Load models before the first frame, or at first use."),
    click.option("--index", is_flag=True, default=None,
                 help="Make frames searchable while the scan runs (adds the stage embed)."),
    click.option("--prompt-preset", metavar="NAME", help="Prompt for a VLM; see --list-presets."),
    click.option("--var", "variables", multiple=True, metavar="NAME=VALUE",
                 help="Value of a variable that the prompt declares; repeatable."),
    click.option("--json-schema", metavar="FILE",
                 help="JSON schema that the answers of a VLM must conform to."),
)  # fmt: skip
NAMES = (*_KEYS, "model_revision", "prompt_preset", "variables", "json_schema")


def setting_flags(function: F) -> F:
    """Add the options; the command gets what was typed as `flags`."""

    @wraps(function)
    def gathered(*args: Any, **given: Any) -> Any:
        flags = {name: given.pop(name, None) for name in NAMES}
        return function(*args, **given, flags=flags)

    decorated: Any = gathered
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    found: F = decorated
    return found


def with_flags(flags: Flags, settings: Mapping[str, Any], spec: Spec) -> dict[str, Any]:
    """Return settings with those that flags set. `spec` is what the settings alone result in.

    Raises UsageError if a flag contradicts `--set`.
    """
    typed = {name: value for name, value in flags.items() if value not in (None, ())}
    found = {_KEYS[name]: value for name, value in typed.items() if name in _KEYS}
    besides = _besides(typed, spec)
    if "model_revision" in typed:
        found["models.revisions"] = _revisions(typed["model_revision"], spec)
    if "prompt_preset" in typed:
        found[_prompt_key(typed["prompt_preset"], spec)] = typed["prompt_preset"]
    if "json_schema" in typed:
        stage = _stage_for("--json-schema", "text", spec)
        found[f"{stage}.json_schema"] = typed["json_schema"]
    if "variables" in typed:
        prompt = {key: value for key, value in found.items() if key.endswith(".prompt")}
        found["vlm.variables"] = _variables(typed["variables"], spec, prompt)
    for key, value in found.items():
        if key in settings and settings[key] != value:
            raise UsageError(f"{key} is set twice, with --set and with an option; set it once")
    return {**besides, **settings, **found}


def _besides(typed: Flags, spec: Spec) -> dict[str, Any]:
    """Return the settings that a flag changes besides its own, so that it takes effect."""
    found: dict[str, Any] = {}
    if "batch_size" in typed and spec.model_stages:
        found["vlm.batch_size"] = min(typed["batch_size"], MOST_QUESTIONS)
    if "fps" in typed and _samples_otherwise(spec):
        found["sampling.mode"] = "fps"
    if typed.get("index"):
        found |= _embedding(spec)
    if "max_frames" in typed:
        _check_models_sample(spec)
    if "image_size" in typed and "no_resize" in typed:
        raise UsageError("--image-size and --no-resize are mutually exclusive; use one")
    if "image_size" in typed and spec.models.no_resize:
        found["models.no_resize"] = False
    return found


def _embedding(spec: Spec) -> dict[str, Any]:
    """Return the stages with one that makes vectors, where a profile has none."""
    from ..config.stages import in_slot

    embedding = in_slot("vector")
    return {} if set(embedding) & set(spec.stages) else {"stages": [*spec.stages, embedding[0]]}


def _check_models_sample(spec: Spec) -> None:
    """Raise UsageError if a limit of frames would keep a stage from those that it needs."""
    from ..config.stages import declaration

    screens = [name for name in spec.stages if declaration(name).every_frame]
    if screens and not spec.frame_stages:
        raise UsageError(
            f"--max-frames: '{screens[0]}' needs every frame, and this scan uses no model on "
            "frames; to read only the first frames, use --set sampling.max_frames=N"
        )


def _samples_otherwise(spec: Spec) -> bool:
    """Return whether `sampling.fps` has no effect as the profile samples.

    Raises UsageError where it cannot have any.
    """
    from ..config.stages import declaration

    if spec.sampling.mode != "every" or spec.frame_stages:
        return spec.sampling.mode in ("count", "keyframes")
    screens = [name for name in spec.stages if declaration(name).every_frame]
    if screens:
        raise UsageError(
            f"--fps: '{screens[0]}' needs every frame, and this scan uses no model on frames"
        )
    return True


def _revisions(typed: tuple[str, ...], spec: Spec) -> dict[str, str]:
    from ..config.used_models import models_of

    models = models_of(spec)
    found = dict(spec.models.revisions)
    for text in typed:
        name, _, revision = text.rpartition("=")
        if not models:
            raise UsageError("--model-revision: this scan uses no model")
        listed = ", ".join(clean(each) for each in models)
        if not name and (len(models) > 1 or models == ("auto",)):
            raise UsageError(f"--model-revision: write MODEL=REVISION; this scan uses {listed}")
        if name and name not in models:
            hint = nearest(name, list(models))
            raise UsageError(
                f"--model-revision: this scan uses no model '{clean(name)}'{hint}; it uses {listed}"
            )
        found[name or models[0]] = revision
    return found


def _variables(typed: tuple[str, ...], spec: Spec, chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the profile with those typed, all of which a prompt must use."""
    from ..config.prompt_check import prompts_of, unused_variables
    from ..config.prompts import load_prompts

    given = dict(variable_of(text) for text in typed)
    prompts = load_prompts()
    asked = prompts_of(spec, prompts)
    asked |= {key.partition(".")[0]: prompts.get(name) for key, name in chosen.items()}
    unused = unused_variables(given, asked)
    if unused:
        own = sorted({name for prompt in asked.values() for name in prompt.defaults})
        known = f"; known: {', '.join(own)}" if own else "; its prompts declare none"
        raise UsageError(
            f"--var {clean(unused[0])}: no prompt of this scan has that variable"
            f"{nearest(unused[0], own)}{known}"
        )
    return {**spec.vlm.variables, **given}


def variable_of(text: str) -> tuple[str, str]:
    """Split `NAME=VALUE`. Raises UsageError where there is no name or no sign."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"--var {clean(text)}: write NAME=VALUE")
    return name.strip(), value


def _prompt_key(name: str, spec: Spec) -> str:
    """Return the setting of the stage that a prompt is for. Raises UsageError, UnknownName."""
    from ..config.prompts import load_prompts

    asks = "verdict" if load_prompts().get(name).answer == "verdict" else "text"
    return f"{_stage_for(f'--prompt-preset {clean(name)}', asks, spec)}.prompt"


def _stage_for(flag: str, asks: str, spec: Spec) -> str:
    """Return the stage of a scan that a flag is about. Raises UsageError where it has none."""
    from ..config.stages import declaration, declarations

    for stage in spec.model_stages:
        if _takes(declaration(stage), asks):
            return stage
    fitting = " or ".join(f"'{each.name}'" for each in declarations() if _takes(each, asks))
    raise UsageError(
        f"{flag} needs the stage {fitting}, which this scan does not run; add it with "
        "--stages, or choose a profile that contains it"
    )


def _takes(stage: type[StageDeclaration], asks: str) -> bool:
    """Return whether a stage asks such prompts about whole frames or candidates."""
    return stage.prompt == asks and not stage.needs

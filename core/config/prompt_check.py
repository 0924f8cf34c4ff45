"""Whether the prompts of a spec can be filled in: checked before a scan exists."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..errors import ProfileError
from ..text import clean, nearest
from .prompts import Prompt, Prompts
from .spec import Spec
from .stages import declaration
from .used_models import value_of
from .variables import VARIABLES


def check_prompts(spec: Spec, prompts: Prompts, notify: Callable[[str], None]) -> None:
    """Refuse a prompt with a variable that its stage does not fill in, or that has no value.

    `notify` gets variables of the profile that no prompt uses. Raises ProfileError, UnknownName.
    """
    asked = prompts_of(spec, prompts)
    for stage, prompt in asked.items():
        _check_filled_in(stage, prompt)
        _check_values(prompt, spec.vlm.variables)
    unused = unused_variables(spec.vlm.variables, asked)
    if unused and asked:
        notify(f"vlm.variables: no prompt of this scan uses {{{clean(unused[0])}}}")


def prompts_of(spec: Spec, prompts: Prompts) -> dict[str, Prompt]:
    """Return the prompt of each stage that asks with one. Raises UnknownName."""
    asking = [stage for stage in spec.model_stages if declaration(stage).prompt]
    return {stage: prompts.get(value_of(spec, stage, "prompt")) for stage in asking}


def unused_variables(values: Mapping[str, str], asked: Mapping[str, Prompt]) -> list[str]:
    """Return the variables, of those given, that no prompt uses."""
    used = {name for prompt in asked.values() for name in prompt.variables}
    return [name for name in values if name not in used]


def _check_filled_in(stage: str, prompt: Prompt) -> None:
    known = declaration(stage).variables
    for name in prompt.variables:
        if name in VARIABLES and name not in known:
            listed = ", ".join(f"{{{each}}}" for each in known) or "none"
            raise ProfileError(
                f"{stage}.prompt = '{prompt.reference}' uses {{{name}}}, which '{stage}' does not "
                f"fill in{nearest(name, list(known))}; it fills in: {listed}"
            )


def _check_values(prompt: Prompt, given: Mapping[str, str]) -> None:
    for name, value in prompt.own_values.items():
        if not value and name not in given:
            raise ProfileError(
                f"prompt '{prompt.reference}' needs a value for {{{name}}}; set it with "
                f"--var {name}=VALUE, or with vlm.variables.{name} in the profile"
            )

"""Identity of embedding spaces, and the ids of their points."""

from __future__ import annotations

from core.search.space import EmbeddingSpace, space_of

IDENTITY = {
    "model": "laion/Big Model",
    "revision": "c" * 40,
    "family": "open_clip",
    "dtype": "float32",
    "attn": "sdpa",
    "quantize": "none",
    "preprocessing": "d" * 32,
}


def test_precision_counts_only_where_it_was_set() -> None:
    """bfloat16 on a GPU and float32 on a CPU share a space; what was set by name does not."""
    mine = space_of(IDENTITY, 512)
    assert mine == space_of({**IDENTITY, "dtype": "bfloat16", "attn": "eager"}, 512)
    assert mine != space_of(IDENTITY, 512, precision_is_set=True)
    for changed in ({"revision": "e" * 40}, {"model": "x"}, {"preprocessing": "x"},
                    {"quantize": "8bit"}):  # fmt: skip
        assert space_of({**IDENTITY, **changed}, 512).digest != mine.digest
    assert space_of(IDENTITY, 256).name != mine.name
    assert mine.name.startswith("laion-big-model-")
    assert mine.name.isascii()


def test_ids_of_points_depend_on_all_that_they_are_of() -> None:
    """uuid5: the same in every process, another for other content, frame, part or space."""
    space = EmbeddingSpace("m", "r", "p", 8)
    assert str(space.point_id("abc", 7)) == str(space.point_id("abc", 7, ""))
    others = [space.point_id("abd", 7), space.point_id("abc", 8), space.point_id("abc", 7, "x"),
              EmbeddingSpace("m", "r", "p", 8, "float16").point_id("abc", 7)]  # fmt: skip
    assert len({space.point_id("abc", 7), *others}) == 5
    assert space.point_id("abc", 7).version == 5

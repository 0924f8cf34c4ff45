"""The export formats that come with sightline: names, and where each is. Imports nothing."""

from __future__ import annotations

BUILT_IN: dict[str, str] = {
    "json": "core.storage.export.source_json:FORMAT",
    "csv": "core.storage.export.events_csv:FORMAT",
    "statistics": "core.storage.export.frame_statistics:FORMAT",
    "vectors": "core.storage.export.vectors:FORMAT",
    "srt": "core.storage.export.srt:FORMAT",
    "vtt": "core.storage.export.vtt:FORMAT",
    "sidecar": "core.storage.export.sidecar_text:FORMAT",
    "xmp": "core.storage.export.xmp:FORMAT",
    "edl": "core.storage.export.edl:FORMAT",
    "legacy": "core.storage.export.legacy:FORMAT",
    "masks": "core.storage.export.mask_arrays:FORMAT",
    "coco": "core.storage.export.coco:FORMAT",
    "yolo": "core.storage.export.yolo:FORMAT",
    "jsonl": "core.storage.export.events_jsonl:FORMAT",
    "html": "core.storage.export.report:FORMAT",
}

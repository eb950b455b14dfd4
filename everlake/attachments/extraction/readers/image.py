"""Images: recognises text in them, where the extra ``ocr`` is installed."""

import importlib.util
from collections.abc import Sequence
from typing import BinaryIO

from everlake.attachments.extraction.errors import TextCode, TextError, damaged_file
from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.text_builder import TextBuilder, TextLimitReached

_MAX_PIXELS = 50_000_000
_MAX_FRAMES = 50
_REQUIRED_PACKAGES = ("rapidocr", "onnxruntime")


def read(file: BinaryIO, builder: TextBuilder, _task: ExtractionTask) -> None:
    """Add the lines of text in an image, from top to bottom.

    All pages of a TIFF are read, and the first frame of an animation.

    Raises:
        TextError: the extra is missing, or the image is damaged or too large.
    """
    if any(importlib.util.find_spec(name) is None for name in _REQUIRED_PACKAGES):
        raise TextError(
            TextCode.EXTRA_MISSING,
            "images are not read on this server: its operator can install Everlake's extra ocr",
        )
    # Imported here, since they take half a second and 300 MB, and most files are not images.
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415
    from rapidocr import RapidOCR  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = _MAX_PIXELS
    try:
        image = Image.open(file)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise damaged_file("it is not an image that can be opened") from error
    if image.width * image.height > _MAX_PIXELS:
        raise TextError(
            TextCode.TOO_LARGE,
            f"images of more than {_MAX_PIXELS // 1_000_000} megapixels are not read: send a "
            "smaller one",
        )
    engine = RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
    frames = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
    for number in range(min(frames, _MAX_FRAMES)):
        image.seek(number)
        try:
            pixels = np.asarray(image.convert("RGB"))[:, :, ::-1]
        except (OSError, SyntaxError, ValueError) as error:
            raise damaged_file("the image is cut off or damaged") from error
        builder.add(_text_lines(engine(pixels)), f"page {number + 1}" if frames > 1 else None)
    if frames > _MAX_FRAMES:
        raise TextLimitReached


def _text_lines(result: object) -> str:
    """Return the recognised texts as lines; texts side by side make one line.

    Args:
        result: RapidOCR's, with texts and boxes; a box is its corners, clockwise from the top left.
    """
    texts: Sequence[str] = getattr(result, "txts", None) or ()
    boxes: Sequence[Sequence[Sequence[float]]] = getattr(result, "boxes", ()) if texts else ()
    lines: list[str] = []
    bottom = -1.0
    for text, box in zip(texts, boxes, strict=True):
        top, below = float(box[0][1]), float(box[3][1])
        if lines and (top + below) / 2 < bottom:
            lines[-1] += f" {text}"
        else:
            lines.append(text)
            bottom = below
    return "\n".join(lines)

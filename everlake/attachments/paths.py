"""Where attachments lie in the storage: content by its hash, so that it lies there once.

Below ``attachments/workspace=<id>/`` are ``sha256=<aa>/<hash>``, the content, and
``text=<aa>/<hash>``, the text that was read from it; below ``uploads/workspace=<id>/`` what
came for an upload and is not content yet.
"""

ATTACHMENTS = "attachments"
UPLOADS = "uploads"


def content_path(workspace_id: str, sha256: str) -> str:
    """The content with that hash, in lower-case hexadecimal digits."""
    return f"{content_folder(workspace_id)}/sha256={sha256[:2]}/{sha256}"


def text_path(workspace_id: str, sha256: str) -> str:
    """The text of the content with that hash."""
    return f"{content_folder(workspace_id)}/text={sha256[:2]}/{sha256}"


def content_folder(workspace_id: str) -> str:
    """All content and text of a workspace."""
    return f"{ATTACHMENTS}/workspace={workspace_id}"


def uploads_folder(workspace_id: str) -> str:
    """What has come for all uploads of a workspace."""
    return f"{UPLOADS}/workspace={workspace_id}"


def upload_folder(workspace_id: str, upload_id: str) -> str:
    """What has come for one upload."""
    return f"{uploads_folder(workspace_id)}/{upload_id}"


def whole_path(workspace_id: str, upload_id: str) -> str:
    """An upload that came in one piece, straight into the bucket."""
    return f"{upload_folder(workspace_id, upload_id)}/whole"


def part_path(workspace_id: str, upload_id: str, number: int) -> str:
    """A part of an upload, from 1."""
    return f"{upload_folder(workspace_id, upload_id)}/part-{number:06d}"

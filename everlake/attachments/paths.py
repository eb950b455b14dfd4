"""Object paths of attachments: content is addressed by its hash, and so stored once.

Below ``attachments/workspace=<id>/`` are ``sha256=<aa>/<hash>`` (the content) and
``text=<aa>/<hash>`` (the text extracted from it), where ``<aa>`` is the first two digits of the
hash. Below ``uploads/workspace=<id>/`` are the received bytes of uploads that are not attachments
yet.
"""

ATTACHMENTS = "attachments"
UPLOADS = "uploads"


def content_path(workspace_id: str, sha256: str) -> str:
    """Return the path of content with this hash (lower-case hexadecimal digits)."""
    return f"{content_folder(workspace_id)}/sha256={sha256[:2]}/{sha256}"


def text_path(workspace_id: str, sha256: str) -> str:
    """Return the path of the text extracted from the content with this hash."""
    return f"{content_folder(workspace_id)}/text={sha256[:2]}/{sha256}"


def content_folder(workspace_id: str) -> str:
    """Return the folder of a workspace's content and extracted texts."""
    return f"{ATTACHMENTS}/workspace={workspace_id}"


def uploads_folder(workspace_id: str) -> str:
    """Return the folder of a workspace's received uploads."""
    return f"{UPLOADS}/workspace={workspace_id}"


def upload_folder(workspace_id: str, upload_id: str) -> str:
    """Return the folder of one upload's received bytes."""
    return f"{uploads_folder(workspace_id)}/{upload_id}"


def whole_path(workspace_id: str, upload_id: str) -> str:
    """Return the path of an upload that was sent to the bucket directly, as a single object."""
    return f"{upload_folder(workspace_id, upload_id)}/whole"


def part_path(workspace_id: str, upload_id: str, number: int) -> str:
    """Return the path of one part of an upload; parts are numbered from 1."""
    return f"{upload_folder(workspace_id, upload_id)}/part-{number:06d}"

"""S3 options from the usual AWS environment variables."""

import os

ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


def endpoint_url() -> str | None:
    """Return the URL of the S3 server; None for AWS."""
    return next((url for name in ENDPOINT_VARIABLES if (url := os.environ.get(name))), None)


def object_store_options() -> dict[str, str]:
    """Return options for Lance, or another user of the Rust crate object_store.

    It reads keys and region from the environment itself, but not every name of the endpoint.
    """
    url = endpoint_url()
    options = {"connect_timeout": "3s", "timeout": "30s", "client_max_retries": "5"}
    if url is not None:
        options |= {"aws_endpoint": url, "allow_http": str(url.startswith("http://")).lower()}
        if not os.environ.get("AWS_REGION") and not os.environ.get("AWS_DEFAULT_REGION"):
            options["aws_region"] = "us-east-1"  # otherwise it asks AWS for the bucket's region
    return options

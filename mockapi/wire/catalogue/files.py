"""Images and files that a request brings, and what policy says of its words (ERRORS.md §7)."""

from mockapi.wire.catalogue.row import BODIES, Row

__all__ = ["ROWS"]

_SECTION = "§7"
_PLACE = {"path": "input[0].content[0].image_url"}
_DATA_URL = (
    "Invalid '{path}'. Expected a base64-encoded data URL with an image MIME type (e.g. "
    "'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got "
)
_ONLY = "Only the words are known of where the mock cannot be: it downloads nothing and keeps no files."

ROWS = (
    Row(
        "image_url_not_a_url",
        "Invalid '{path}'. Expected a valid URL, but got a value with an invalid format.",
        "invalid_value",
        param="{path}",
        endpoints=BODIES,
        confidence="V-",
        source=_SECTION,
        sample=_PLACE,
    ),
    *(
        Row(
            name,
            _DATA_URL + ending,
            "invalid_value",
            param="{path}",
            endpoints=BODIES,
            confidence="V-",
            source=_SECTION,
            sample={**_PLACE, **sample},
        )
        for name, ending, sample in (
            ("image_without_base64", "a value without the ';base64' separator.", {}),
            ("image_mime_type", "unsupported MIME type '{mime}'.", {"mime": "text/plain"}),
            ("image_bad_base64", "an invalid base64-encoded value.", {}),
        )
    ),
    Row(
        "not_an_image",
        "The image data you provided does not represent a valid image. Please check your input and try again with one of the "
        "supported image formats: ['image/jpeg', 'image/png', 'image/gif', 'image/webp'].",
        "invalid_value",
        param="input",
        endpoints=BODIES,
        confidence="V-",
        source=_SECTION,
    ),
    Row(
        "download_failed",
        "Error while downloading file.",
        "invalid_value",
        param="url",
        confidence="V-",
        source=_SECTION,
        note=_ONLY,
    ),
    Row(
        "download_refused",
        "Error while downloading file. Upstream status code: {status}.",
        "invalid_value",
        param="url",
        confidence="V-",
        source=_SECTION,
        sample={"status": "404"},
        note=_ONLY,
    ),
    Row(
        "download_timeout",
        "Unable to download content from the provided URL before the timeout. Check that the URL is publicly accessible and "
        "responds promptly, or upload the file and provide a file_id instead.",
        "invalid_value",
        param="url",
        confidence="V-",
        source=_SECTION,
        note=_ONLY,
    ),
    Row(
        "file_mime_type",
        "Invalid file data: '{path}'. Expected a base64-encoded data URL with a valid file MIME type (e.g. "
        "'data:text/plain;base64,SGVsbG8sIFdvcmxkIQ=='), but got unsupported MIME type '{mime}'. Please see "
        "https://platform.openai.com/docs/assistants/tools/file-search#supported-files for supported file types.",
        "invalid_value",
        param="{path}",
        endpoints=BODIES,
        source=_SECTION,
        sample={"path": "input[0].content[0].file_data", "mime": "image/png"},
        note="Which types are refused is not recorded: the mock refuses pictures, sound, films and fonts alone.",
    ),
    Row(
        "unsupported_file",
        "The file type you uploaded is not supported. Please try again with a pdf",
        "unsupported_file",
        param="input",
        source="§7, §1",
        note="On one line, as recorded.",
        layout="line",
    ),
    Row(
        "unsupported_file_type",
        "Invalid input: Expected context stuffing file type to be a supported format: {formats} but got {extension}.",
        confidence="V-",
        source=_SECTION,
        sample={"formats": ".pdf", "extension": ".zip"},
        note="The list is `.pdf` in 2025; later `.art, .bat, .brf, .c, …`, which no source gives whole.",
    ),
    Row(
        "invalid_base64",
        "Invalid base64 image_url.",
        "invalid_base64",
        endpoints=("(chat.completions)",),
        source=_SECTION,
    ),
    Row(
        "invalid_image_url",
        "Error while downloading {url}.",
        "invalid_image_url",
        endpoints=("(chat.completions)",),
        source=_SECTION,
        sample={"url": "https://example.com/cat.png"},
    ),
    Row(
        "invalid_prompt",
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a "
        "different prompt: https://platform.openai.com/docs/guides/reasoning#advice-on-prompting",
        "invalid_prompt",
        source=_SECTION,
        note="Also as the error of a response that fails.",
    ),
    Row(
        "cyber_policy",
        "This request has been flagged for potentially high-risk cyber activity.",
        "cyber_policy",
        type="invalid_request",
        confidence="V-",
        source=_SECTION,
        note="Azure has type `invalid_request_error` and param `prompt`; ChatGPT's backend a 403 with another text.",
    ),
)

"""What no request provokes, with the reason: a scenario asks for it by name."""

from .api import IRE, Case, create

QUOTA = "You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
VERIFY = " Please go to: https://platform.openai.com/settings/organization/general and click on Verify Organization. If you just verified, it can take up to 15 minutes for access to propagate."
SCOPES = " Missing scopes: api.responses.write. Check that you have the correct role in your organization (Reader, Writer, Owner) and project (Member, Owner), and if you're using a restricted API key, that it has the necessary scopes."
VISIT = "Visit https://platform.openai.com/account/rate-limits to learn more."
RETRY = {"retry-after": "1"}


def scripted(message: str, code: str | None = None, param: str | None = None, status: int = 400, type: str = IRE, **more) -> Case:
    return Case(create(), message, code, param, status, type, **more)


KEYS_MAY = "the mock lets every key do everything, from everywhere"
NOT_SERVED = "an endpoint or transport that the mock does not serve"
NO_FILES = "the mock downloads nothing, and keeps no files, vector stores or containers"
NO_MODEL = "no model runs that could refuse it"
NO_LIMIT = "depends on limits and quotas of an account, or on a server's health"

SCRIPTED: dict[str, tuple[str, Case]] = {
    "invalid_organization": (KEYS_MAY, scripted("No such organization: org-mock.", "invalid_organization", status=401)),
    "mismatched_project": (
        KEYS_MAY, scripted("OpenAI-Project header should match project for API key", "mismatched_project", status=401)
    ),
    "not_a_member": (KEYS_MAY, scripted("You must be a member of an organization to use the API", status=401)),
    "ip_not_authorized": (KEYS_MAY, scripted("IP not authorized", status=401)),
    "insufficient_permissions": (KEYS_MAY, scripted("You have insufficient permissions for this operation.", status=401)),
    "missing_scope": (
        KEYS_MAY, scripted("You have insufficient permissions for this operation." + SCOPES, "missing_scope", status=401)
    ),
    "insufficient_scope": (
        KEYS_MAY, scripted("You have insufficient permissions for this operation." + SCOPES, "insufficient_scope", status=401)
    ),
    "unsupported_country_region_territory": (
        KEYS_MAY,
        scripted(
            "Country, region, or territory not supported", "unsupported_country_region_territory", None, 403, "request_forbidden"
        ),
    ),
    "unverified_for_summaries": (
        KEYS_MAY,
        scripted(
            "Your organization must be verified to generate reasoning summaries." + VERIFY, "unsupported_value", "reasoning.summary"
        ),
    ),
    "unverified_for_streams": (
        KEYS_MAY,
        scripted("Your organization must be verified to stream this model." + VERIFY, "unsupported_value", "stream"),
    ),
    "service_tier_not_allowed": (
        KEYS_MAY,
        scripted(
            "Invalid service_tier argument: The requested service tier is not allowed for this project.", param="service_tier"
        ),
    ),
    "unparsed_body": (
        NOT_SERVED,
        scripted(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble figuring out how to fix this, please contact us through our help center at help.openai.com.)"
        ),
    ),
    "model_not_found_chat": (
        NOT_SERVED,
        scripted("The model `gpt-4o` does not exist or you do not have access to it.", "model_not_found", status=404),
    ),
    "model_not_for_assistants": (
        NOT_SERVED, scripted("The requested model 'gpt-4o' cannot be used with the Assistants API.")
    ),
    "service_tier_chat": (NOT_SERVED, scripted("Invalid service_tier argument")),
    "invalid_base64": (NOT_SERVED, scripted("Invalid base64 image_url.", "invalid_base64")),
    "invalid_image_url": (
        NOT_SERVED, scripted("Error while downloading https://example.com/cat.png.", "invalid_image_url")
    ),
    "invalid_stream_id": (
        NOT_SERVED,
        scripted(
            "The 'stream_id' field must be a non-empty string with at most 256 characters and may only contain letters, numbers, underscores, hyphens, and periods.",
            "invalid_stream_id", "stream_id",
        ),
    ),
    "websocket_stream_limit_reached": (
        NOT_SERVED,
        scripted(
            "This WebSocket connection has reached its maximum number of distinct stream IDs (32). Reuse an existing stream_id or open a new WebSocket connection.",
            "websocket_stream_limit_reached", "stream_id",
        ),
    ),
    "websocket_connection_limit_reached": (
        NOT_SERVED,
        scripted(
            "Responses websocket connection limit reached (60 minutes). Create a new websocket connection to continue.",
            "websocket_connection_limit_reached",
        ),
    ),
    "model_was_not_found": ("seen once, nobody knows when", scripted("The requested model, 'gpt-4o' was not found.")),
    "context_length_exceeded": (
        "the mock estimates tokens, and knows no model's window",
        scripted(
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
            "context_length_exceeded", "input",
        ),
    ),
    "http_error": (
        "no MCP server is ever called",
        scripted(
            "Error retrieving tool list from MCP server: 'plaid'. Http status code: 401 (Unauthorized)",
            "http_error", "tools", 424, "external_connector_error",
        ),
    ),
    "vector_store_not_found": (NO_FILES, scripted("Vector store with id ['vs_123'] not found.", status=404)),
    "container_expired": (NO_FILES, scripted("Container is expired.")),
    "download_failed": (NO_FILES, scripted("Error while downloading file.", "invalid_value", "url")),
    "download_refused": (
        NO_FILES, scripted("Error while downloading file. Upstream status code: 404.", "invalid_value", "url")
    ),
    "download_timeout": (
        NO_FILES,
        scripted(
            "Unable to download content from the provided URL before the timeout. Check that the URL is publicly accessible and responds promptly, or upload the file and provide a file_id instead.",
            "invalid_value", "url",
        ),
    ),
    "unsupported_file": (
        NO_FILES,
        scripted(
            "The file type you uploaded is not supported. Please try again with a pdf", "unsupported_file", "input", layout="line"
        ),
    ),
    "unsupported_file_type": (
        NO_FILES,
        scripted("Invalid input: Expected context stuffing file type to be a supported format: .pdf but got .zip."),
    ),
    "transparent_background": (
        "which models refuse it is not recorded",
        scripted(
            "Transparent background is not supported for this model.", "invalid_value", type="image_generation_user_error"
        ),
    ),
    "invalid_prompt": (
        NO_MODEL,
        scripted(
            "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a different prompt: https://platform.openai.com/docs/guides/reasoning#advice-on-prompting",
            "invalid_prompt",
        ),
    ),
    "cyber_policy": (
        NO_MODEL,
        scripted(
            "This request has been flagged for potentially high-risk cyber activity.", "cyber_policy", type="invalid_request"
        ),
    ),
    "rate_limit_exceeded": (
        NO_LIMIT,
        scripted(
            f"Rate limit reached for gpt-4o in organization org-mock on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 1s. {VISIT}",
            "rate_limit_exceeded", status=429, type="requests", headers=RETRY,
        ),
    ),
    "rate_limit_tokens": (
        NO_LIMIT,
        scripted(
            f"Rate limit reached for gpt-4o in organization org-mock on tokens per min (TPM): Limit 3, Used 3, Requested 1. Please try again in 1s. {VISIT}",
            "rate_limit_exceeded", status=429, type="tokens", headers=RETRY,
        ),
    ),
    "request_too_large": (
        NO_LIMIT,
        scripted(
            f"Request too large for gpt-4o in project proj_mock organization org-mock on tokens per min (TPM): Limit 30000, Requested 40000. The input or output tokens must be reduced in order to run successfully. {VISIT}",
            "rate_limit_exceeded", status=429, type="tokens",
        ),
    ),
    **{
        code: (NO_LIMIT, scripted(QUOTA, code, None, 429, "insufficient_quota"))
        for code in (
            "insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded", "project_spend_limit_exceeded",
            "organization_usage_limit_exceeded",
        )
    },
    "slow_down": (
        NO_LIMIT,
        scripted(
            "Your request rate rose too quickly. Please slow down and try again.",
            "slow_down", None, 429, "rate_limit_error", headers=RETRY,
        ),
    ),
    "server_error": (
        NO_LIMIT,
        scripted(
            "An error occurred while processing your request. You can retry your request, or contact us through our help center at help.openai.com if the error persists. Please include the request ID {request_id} in your message.",
            "server_error", None, 500, "server_error",
        ),
    ),
    "server_error_older": (
        "the mock says it when it fails itself, which no request brings about",
        scripted(
            "The server had an error while processing your request. Sorry about that!", None, None, 500, "server_error"
        ),
    ),
    "server_is_overloaded": (
        NO_LIMIT,
        scripted(
            "Our servers are currently overloaded. Please try again later.",
            "server_is_overloaded", None, 503, "service_unavailable_error", headers=RETRY,
        ),
    ),
    "model_failed": (
        NO_MODEL, scripted("The model failed to generate a response.", "server_error", None, 500, "server_error")
    ),
    "model_at_capacity": (
        NO_LIMIT,
        scripted(
            "Selected model is at capacity. Please try a different model.",
            "server_is_overloaded", None, 503, "service_unavailable_error",
        ),
    ),
}  # fmt: skip

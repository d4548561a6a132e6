"""Who may call, and what: authentication, routing, and what the JSON of other endpoints says (ERRORS.md §2, §14)."""

from mockapi.wire.catalogue.row import Row

__all__ = ["ROWS"]

_BEARER = {"www-authenticate": 'Bearer realm="OpenAI API"'}
_INCORRECT = "Incorrect API key provided: {masked}. You can find your API key at https://platform.openai.com/account/api-keys."
_INSUFFICIENT = "You have insufficient permissions for this operation."
_EVERYWHERE = ("*",)
_RESPONSES = ("responses.*", "conversations.*")
_MODELS = ("models.list", "models.retrieve")

ROWS = (
    Row(
        "missing_authentication",
        "Missing bearer or basic authentication in header",
        status=401,
        headers=_BEARER,
        endpoints=_RESPONSES,
        source="§2",
    ),
    Row(
        "missing_bearer",
        "Missing bearer authentication in header",
        status=401,
        headers=_BEARER,
        endpoints=_MODELS,
        source="§2",
    ),
    Row(
        "invalid_api_key",
        _INCORRECT,
        "invalid_api_key",
        status=401,
        headers=_BEARER,
        endpoints=_EVERYWHERE,
        source="§2",
        sample={"masked": "test-con****-key"},
        note="Conflict C3: the form depends on the key; one that looks real (`sk-…`) gets the other.",
    ),
    Row(
        "invalid_api_key_edge",
        _INCORRECT,
        "invalid_api_key",
        status=401,
        headers=_BEARER,
        endpoints=_RESPONSES,
        source="§2",
        sample={"masked": "sk-proj-********cdef"},
        note="text/plain, with the status inside, keys in another order; for keys that begin with `sk-`.",
        layout="edge",
    ),
    Row(
        "invalid_organization",
        "No such organization: {organization}.",
        "invalid_organization",
        status=401,
        endpoints=_EVERYWHERE,
        confidence="V-",
        source="§2",
        sample={"organization": "org-mock"},
    ),
    Row(
        "mismatched_project",
        "OpenAI-Project header should match project for API key",
        "mismatched_project",
        status=401,
        endpoints=_EVERYWHERE,
        confidence="V-",
        source="§2",
        note="The status is inferred.",
    ),
    Row(
        "not_a_member",
        "You must be a member of an organization to use the API",
        status=401,
        endpoints=_EVERYWHERE,
        confidence="D",
        source="§2",
        note="The documentation has the title alone; type and message are assumed after it.",
    ),
    Row(
        "ip_not_authorized",
        "IP not authorized",
        status=401,
        endpoints=_EVERYWHERE,
        confidence="D",
        source="§2",
        note="The documentation has the title alone; type and message are assumed after it.",
    ),
    Row("insufficient_permissions", _INSUFFICIENT, status=401, endpoints=_EVERYWHERE, source="§2"),
    *(
        Row(
            code,
            _INSUFFICIENT
            + " Missing scopes: {scope}. Check that you have the correct role in your organization (Reader, Writer, "
            "Owner) and project (Member, Owner), and if you're using a restricted API key, that it has the necessary scopes.",
            code,
            status=401,
            endpoints=_EVERYWHERE,
            source="§2",
            sample={"scope": "api.responses.write"},
            note="Sources give the codes null, `insufficient_scope` and `missing_scope`, undated: each has its row.",
        )
        for code in ("missing_scope", "insufficient_scope")
    ),
    Row(
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
        "unsupported_country_region_territory",
        status=403,
        type="request_forbidden",
        endpoints=_EVERYWHERE,
        source="§2",
    ),
    Row(
        "unknown_url",
        "",
        status=404,
        type=None,
        headers={"x-content-type-options": "nosniff"},
        endpoints=_EVERYWHERE,
        source="§2",
        note="Conflict C2: an empty body since 2026-08; until 2025-10 JSON with `Invalid URL (METHOD path)`.",
        layout="empty",
    ),
    Row(
        "removed_api",
        "",
        status=404,
        type=None,
        headers={"x-content-type-options": "nosniff"},
        endpoints=("/assistants…", "/threads…"),
        source="§14",
        note="The status is recorded; that the body is empty is inferred from other removed routes.",
        layout="empty",
    ),
    Row(
        "wrong_method",
        "Invalid method for URL ({method} {url})",
        status=405,
        endpoints=_EVERYWHERE,
        source="§2",
        sample={"method": "PUT", "url": "/v1/responses"},
        note="Conflict C2: an empty 404 of /v1/models in 2026-08 is known second hand only, so the newest recording stands.",
    ),
    Row(
        "unparsed_body",
        "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
        "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble figuring "
        "out how to fix this, please contact us through our help center at help.openai.com.)",
        endpoints=("(chat.completions)",),
        source="§2",
    ),
)

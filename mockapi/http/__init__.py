"""The HTTP face: routes, headers, streams."""
